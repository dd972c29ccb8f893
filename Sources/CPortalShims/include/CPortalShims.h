// The few lines that Swift cannot say: Linux interfaces that the Glibc overlay leaves out, and a
// processor hint. Everything here is `static inline`, so the packet path pays nothing for it.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Tells the processor that this is a polling loop.
static inline void dpaac_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// A descriptor that becomes readable when the process ends, or -1 (Linux 5.3).
static inline int dpaac_pidfd_open(int32_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);
}

/// Has the kernel kill the calling process when the thread that started it ends; 0, or -1.
static inline int dpaac_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }
