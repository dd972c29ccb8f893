#pragma once

#include <time.h>

#include "engine.h"
#include "twin.h"

struct twin {
  engine_t engine;
  guest_t guests[2];
  mapped_pool_t pools[2];
  size_t mapped;
  /// Whether engine and guests share a thread.
  bool is_inline, yields;
  /// Ends the guests' process.
  volatile bool is_over;
};

INLINE uint32_t twin_receive(uint32_t owner) { return 10 + 500 * owner; }
INLINE uint32_t twin_transmit(uint32_t owner) { return 20 + 500 * owner; }

INLINE uint64_t twin_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Fills a portal's dequeue ring; whether there was anything.
bool twin_deliver(engine_t *e, size_t index, uint64_t now);
/// What a guest does while its ring is full.
void twin_wait(twin_t *twin);
/// Both guests send back what they got; how many frames.
uint64_t twin_guest_step(twin_t *twin);
