#include "CPortalShims.h"

#include <errno.h>
#include <linux/perf_event.h>

double dpaac_cycles_per_nanosecond(void) {
#if defined(__x86_64__) || defined(__aarch64__)
  enum { TRIES = 8, ROUNDS = 30000, PER_ROUND = 10 };
  uint64_t shortest = UINT64_MAX;
  for (int attempt = 0; attempt < TRIES; ++attempt) {
    uint64_t sum = 0, one = 1;
    uint64_t start = dpaac_monotonic_nanoseconds();
    for (int round = 0; round < ROUNDS; ++round) {
#if defined(__x86_64__)
#define DPAAC_ADD "add %1, %0\n"
#else
#define DPAAC_ADD "add %0, %0, %1\n"
#endif
      __asm__ volatile(DPAAC_ADD DPAAC_ADD DPAAC_ADD DPAAC_ADD DPAAC_ADD DPAAC_ADD DPAAC_ADD DPAAC_ADD
                           DPAAC_ADD DPAAC_ADD
                       : "+r"(sum)
                       : "r"(one));
#undef DPAAC_ADD
    }
    uint64_t taken = dpaac_monotonic_nanoseconds() - start;
    if (taken < shortest) shortest = taken;
  }
  return shortest > 0 ? (double)(ROUNDS * PER_ROUND) / (double)shortest : 0;
#else
  return 0;
#endif
}

int dpaac_perf_open(int counter, int32_t process) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_HARDWARE,
      .size = sizeof attributes,
      .config = counter == DPAAC_PERF_INSTRUCTIONS ? PERF_COUNT_HW_INSTRUCTIONS
                                                   : PERF_COUNT_HW_CPU_CYCLES,
      .inherit = 1,
  };
  long descriptor =
      syscall(SYS_perf_event_open, &attributes, process, -1, -1, PERF_FLAG_FD_CLOEXEC);
  return descriptor < 0 ? -errno : (int)descriptor;
}
