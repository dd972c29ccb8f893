#include "CPortalShims.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

int dpaac_accept(int listener) { return accept4(listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int dpaac_may_use_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  return cpu >= 0 && cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof set, &set) == 0
         && CPU_ISSET((size_t)cpu, &set);
}

int dpaac_pin(const int32_t *cpus, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int place = 0; place < count; place++) {
    if (cpus[place] < 0 || cpus[place] >= CPU_SETSIZE) return -1;
    CPU_SET((size_t)cpus[place], &set);
  }
  return sched_setaffinity(0, sizeof set, &set);
}

// As in linux/sched/types.h, whose names clash with those of older C libraries.
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

int dpaac_hurry(int nice) {
  struct scheduling wanted = {.size = sizeof wanted};
  if (syscall(SYS_sched_getattr, 0, &wanted, sizeof wanted, 0) != 0) return -1;
  // Another policy is somebody's decision.
  if (wanted.policy != SCHED_OTHER) return 0;
  wanted.runtime = 100000;
  if (nice < wanted.nice) wanted.nice = nice;
  return (int)syscall(SYS_sched_setattr, 0, &wanted, 0);
}

int dpaac_may_have_nice(int nice) {
  int own = getpriority(PRIO_PROCESS, 0);
  if (nice >= own) return 1;
  if (setpriority(PRIO_PROCESS, 0, nice) != 0) return 0;
  return setpriority(PRIO_PROCESS, 0, own) == 0;
}

int dpaac_watch_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int dpaac_watch_add(int watch, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLET};
  return epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event);
}

int dpaac_watch_wait(int watch, uint64_t nanoseconds) {
  struct timespec rest = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  struct epoll_event events[16];
  // Linux 5.11; older ones know no waits shorter than a millisecond, and this one is bounded anyway.
  long count = syscall(SYS_epoll_pwait2, watch, events, 16, &rest, 0, 0);
  if (count < 0 && errno == ENOSYS) nanosleep(&rest, 0);
  return count > 0;
}

// Two for each client that is served, which a plan has up to 64 of.
enum { guard_count = 128 };

// `start` is written last when a guard begins and cleared first when it ends, so that the handler
// never sees half of one.
static struct {
  atomic_uintptr_t start;
  atomic_size_t size;
  atomic_int lost;
} guards[guard_count];

static struct sigaction previous;
static atomic_int installed;

static void on_bus_error(int number, siginfo_t *information, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)information->si_addr;
  for (int i = 0; i < guard_count; i++) {
    uintptr_t start = atomic_load(&guards[i].start);
    size_t size = atomic_load(&guards[i].size);
    if (start == 0 || address - start >= size) continue;
    void *memory = mmap((void *)start, size, PROT_READ | PROT_WRITE,
                        MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) break;
    atomic_store(&guards[i].lost, 1);
    return;
  }
  // Nobody's mapping: what would have happened without this handler happens when the access is
  // repeated.
  sigaction(number, &previous, 0);
}

static int install(void) {
  if (atomic_exchange(&installed, 1)) return 0;
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, &action, &previous) != 0) {
    atomic_store(&installed, 0);
    return -1;
  }
  // Who started this program may have it blocked, and a blocked SIGBUS kills.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGBUS);
  return sigprocmask(SIG_UNBLOCK, &set, 0);
}

int dpaac_guard(void *start, size_t size) {
  if (install() != 0) return -1;
  for (int i = 0; i < guard_count; i++) {
    int unused = 0;
    // `lost` is -1 in the guard that is being set up.
    if (atomic_load(&guards[i].start) != 0 || atomic_load(&guards[i].size) != 0) continue;
    if (!atomic_compare_exchange_strong(&guards[i].lost, &unused, -1)) continue;
    atomic_store(&guards[i].size, size);
    atomic_store(&guards[i].lost, 0);
    atomic_store(&guards[i].start, (uintptr_t)start);
    return i;
  }
  return -1;
}

int dpaac_guard_is_lost(int guard) {
  return guard >= 0 && guard < guard_count && atomic_load(&guards[guard].lost) != 0;
}

void dpaac_unguard(int guard) {
  if (guard < 0 || guard >= guard_count) return;
  atomic_store(&guards[guard].start, 0);
  atomic_store(&guards[guard].lost, 0);
  atomic_store(&guards[guard].size, 0);
}
