#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin_private.h"

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

bool twin_pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= 0) CPU_SET((size_t)cpu, &set);
  else memset(&set, 0xff, sizeof set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

/// A child on a CPU of its own that ends with its parent; 0 in the child.
static pid_t split(int cpu) {
  pid_t child = fork();
  if (child) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!twin_pin(cpu)) _exit(1);
  return 0;
}

static int order(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

bool twin_bounce(int cpu, int other, uint32_t rounds, double *median, double *late) {
  uint64_t *line =
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (line == MAP_FAILED) return false;
  uint64_t last = (uint64_t)rounds * 2;
  double *samples = malloc(rounds * sizeof(double));
  if (!samples) return false;
  pid_t child = split(other);
  if (child < 0) return false;
  if (!child) {
    for (uint64_t value = 1; value < last; value += 2) {
      while (__atomic_load_n(line, __ATOMIC_ACQUIRE) != value) relax();
      __atomic_store_n(line, value + 1, __ATOMIC_RELEASE);
    }
    _exit(0);
  }
  bool pinned = twin_pin(cpu);
  uint64_t start = twin_now();
  for (uint64_t round = 0; round < rounds; round++) {
    __atomic_store_n(line, 2 * round + 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(line, __ATOMIC_ACQUIRE) != 2 * round + 2) relax();
    uint64_t end = twin_now();
    samples[round] = (double)(end - start);
    start = end;
  }
  waitpid(child, NULL, 0);
  munmap(line, 4096);
  qsort(samples, rounds, sizeof(double), order);
  *median = samples[rounds / 2];
  *late = samples[(uint64_t)rounds * 99 / 100];
  free(samples);
  return pinned;
}

void twin_wait(twin_t *twin) {
  if (twin->is_inline) run_round(&twin->engine, twin_now());
  else if (twin->yields) sched_yield();
  else relax();
}

static uint64_t received(const twin_t *twin) {
  uint64_t frames = 0;
  for (uint32_t owner = 0; owner < 2; owner++)
    frames += __atomic_load_n((uint64_t *)(void *)(twin->guests[owner].status + 64), __ATOMIC_RELAXED);
  return frames;
}

double twin_run(twin_t *twin, int engine_cpu, int guest_cpu, uint32_t milliseconds, bool yields) {
  twin->is_inline = false;
  twin->yields = yields;
  twin->is_over = false;
  pid_t child = split(guest_cpu);
  if (child < 0) return 0;
  if (!child) {
    while (!twin->is_over)
      if (!twin_guest_step(twin)) twin_wait(twin);
    _exit(0);
  }
  bool pinned = twin_pin(engine_cpu);
  uint64_t start = twin_now(), warm = start + 20000000, end = warm + milliseconds * 1000000ull;
  uint64_t time = start, from = 0, frames = 0;
  while (time < end) {
    // The clock is read now and then only, as dear as it is.
    for (uint32_t round = 0; round < 64; round++)
      if (!run_round(&twin->engine, twin_now())) twin_wait(twin);
    time = twin_now();
    if (!from && time >= warm) {
      from = time;
      frames = received(twin);
    }
  }
  frames = received(twin) - frames;
  twin->is_over = true;
  waitpid(child, NULL, 0);
  return pinned && time > from ? (double)frames * 1e9 / (double)(time - from) : 0;
}
