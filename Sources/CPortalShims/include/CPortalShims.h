// The few lines that Swift cannot say: Linux interfaces that the Glibc overlay leaves out, and a
// processor hint. Everything here is `static inline`, so the packet path pays nothing for it.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <fcntl.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// Tells the processor that this is a polling loop.
static inline void dpaac_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Whether the processor is QEMU's translator: to it the hint of a polling loop is the end of a block, for which it
/// looks what else there is to do.
static inline int dpaac_is_translated(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 31)) return 0;
  __cpuid(0x40000000, a, b, c, d);
  // "TCGTCGTCGTCG" (QEMU 7.2, target/i386/cpu.c, cpu_x86_cpuid).
  return b == 0x54474354 && c == 0x43544743 && d == 0x47435447;
#else
  return 0;
#endif
}

/// Has the processor fetch a line that will be read soon, or written. Any address will do.
static inline void dpaac_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }
static inline void dpaac_prefetch_for_writing(const void *address) {
  __builtin_prefetch(address, 1, 3);
}

/// Whether the calling thread may run on a CPU.
int dpaac_may_use_cpu(int cpu);

/// Has the calling thread, and what it starts from now on, run on these CPUs only: 0, or -1.
int dpaac_pin(const int32_t *cpus, int count);

/// Has the calling thread use its processor in short shares, so that it has it back sooner: of 0.1 ms (Linux 6.12,
/// `kernel/sched/fair.c`, PREEMPT_SHORT; older kernels take no notice); and have a nice value, if that is lower than its
/// own: a thread that had more than its share of late waits for the next tick without one. 0, or -1 when the kernel
/// refuses.
int dpaac_hurry(int nice);

/// Whether the calling thread may have a nice value.
int dpaac_may_have_nice(int nice);

/// A clock that only moves forward, in nanoseconds. In C, because `timespec` belongs to this module or
/// to Glibc's, whichever the compiler happens to load first.
static inline uint64_t dpaac_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// A clock for waits of some hundred microseconds, whose steps are between a quarter of a nanosecond and a whole
/// one. Reading it enters no kernel: in a virtual machine the kernel's own clock may be a device.
static inline uint64_t dpaac_short_clock(void) {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#else
  return dpaac_monotonic_nanoseconds();
#endif
}

/// What any clock says, in nanoseconds; 0 for one that there is not.
static inline uint64_t dpaac_clock_nanoseconds(int32_t clock) {
  struct timespec now = {0, 0};
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// A descriptor that becomes readable when the process ends, or -1 (Linux 5.3).
static inline int dpaac_pidfd_open(int32_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);
}

/// Has the kernel kill the calling process when the thread that started it ends; 0, or -1.
static inline int dpaac_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// Asks something of the kernel's BPF, with attributes of so many bytes: a descriptor, 0, or -1.
static inline int dpaac_bpf(int command, const void *attributes, uint32_t size) {
  return (int)syscall(SYS_bpf, command, attributes, size);
}

/// Takes the next caller of a listening socket: its descriptor, which does not block and is closed when a
/// program is started; -1 when nobody calls.
int dpaac_accept(int listener);

/// A counter that becomes readable when it is raised, or -1.
static inline int dpaac_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/// A set of descriptors, or -1.
int dpaac_watch_open(void);

/// Puts a descriptor into a set: 0, or -1.
int dpaac_watch_add(int watch, int descriptor);

/// Sleeps until a descriptor of a set is written to, or was since this was last called, and for so long at most:
/// 1 when it was, 0 when the time is up. Nobody has to read the descriptor.
int dpaac_watch_wait(int watch, uint64_t nanoseconds);

/// Has KVM run a loop of 10,000 rounds: how many nanoseconds that took, or minus an error number where there
/// is no KVM that would.
int64_t dpaac_kvm_probe(void);

/// Counters of the processor's that `dpaac_perf_open` opens.
enum { DPAAC_PERF_CYCLES = 0, DPAAC_PERF_INSTRUCTIONS = 1 };

/// Counts what a process does from now on, and what it starts later; 0 for the calling one. A descriptor to
/// read 64 bits from, or minus an error number.
int dpaac_perf_open(int counter, int32_t process);

/// Cycles of this processor in a nanosecond, by the time that a chain of additions takes, each of which waits for the
/// one before and takes a cycle; 0 on a processor that nobody has written one for.
double dpaac_cycles_per_nanosecond(void);

// MARK: PCI devices that a program drives

/// Opens a PCI device that Linux's vfio-pci drives, in its group (`/dev/vfio/12`) behind a container of its own:
/// its descriptor, or -1. Container and group stay open as long as the process.
int dpaac_vfio_open(const char *container, const char *group, const char *device);

/// Where a region of such a device begins in its descriptor and how many bytes it has: 0, or -1.
int dpaac_vfio_region(int device, uint32_t region, uint64_t *offset, uint64_t *size);

/// Has each of the first vectors of a device's MSI-X raise an eventfd of its own: 0, or -1.
int dpaac_vfio_connect(int device, const int32_t *eventfds, uint32_t count);

// MARK: mappings of files that somebody else may truncate

/// Guards a mapping against SIGBUS: the guard's number, or -1 when all are taken.
///
/// A page of a file mapping that lies behind the file's end raises SIGBUS when it is touched. In a
/// guarded mapping the signal's handler then puts zeroed memory of this process in the place of the
/// whole mapping, once and for all, and `dpaac_guard_is_lost` says so. Only system calls are made in
/// the handler.
int dpaac_guard(void *start, size_t size);
/// Whether the guarded mapping was replaced.
int dpaac_guard_is_lost(int guard);
/// Ends a guard; the mapping itself is the caller's to undo.
void dpaac_unguard(int guard);
