#include "CPortalShims.h"

#include <errno.h>
#include <linux/perf_event.h>

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
