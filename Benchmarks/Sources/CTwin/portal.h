// Both sides of a portal as C: the same words at the same places, read and written in the same order
// as EnginePortal.swift and Portal.swift do it, in the modes that the guest library uses.
#pragma once

#include "tables.h"

enum {
  EQCR = 0x0, DQRR = 0x1000, MR = 0x2000, EQCR_PI_LINE = 0x3000, EQCR_CI_LINE = 0x3100,
  DQRR_PI_LINE = 0x3200, DQRR_CI_LINE = 0x3300, MR_CI_LINE = 0x3500, CR = 0x3800,
  R_EQCR_PI = 0x0, R_EQCR_CI = 0x4, R_EQCR_ITR = 0x8, R_DQRR_PI = 0x40, R_DQRR_CI = 0x44,
  R_DQRR_ITR = 0x48, R_SDQCR = 0x54, R_VDQCR = 0x58, R_MR_CI = 0x84, R_MR_ITR = 0x88, R_CFG = 0x100,
  R_ISR = 0xe00, R_IER = 0xe04, R_ISDR = 0xe08, R_IIR = 0xe0c, R_ITPR = 0xe14,
  B_CR = 0x0, B_RCR = 0x1000, B_RCR_PI_LINE = 0x3000, B_RCR_CI_LINE = 0x3100, MR_SIZE = 8, RCR_SIZE = 8,
};

INLINE uint64_t acquire64(uint8_t *p, size_t o) {
  return __builtin_bswap64(__atomic_load_n((uint64_t *)(p + o), __ATOMIC_ACQUIRE));
}
INLINE uint64_t load64(uint8_t *p, size_t o) {
  return __builtin_bswap64(__atomic_load_n((uint64_t *)(p + o), __ATOMIC_RELAXED));
}
INLINE void store64(uint8_t *p, size_t o, uint64_t v) {
  __atomic_store_n((uint64_t *)(p + o), __builtin_bswap64(v), __ATOMIC_RELAXED);
}
INLINE void release64(uint8_t *p, size_t o, uint64_t v) {
  __atomic_store_n((uint64_t *)(p + o), __builtin_bswap64(v), __ATOMIC_RELEASE);
}
INLINE uint32_t acquire32(uint8_t *p, size_t o) {
  return __builtin_bswap32(__atomic_load_n((uint32_t *)(p + o), __ATOMIC_ACQUIRE));
}
INLINE void release32(uint8_t *p, size_t o, uint32_t v) {
  __atomic_store_n((uint32_t *)(p + o), __builtin_bswap32(v), __ATOMIC_RELEASE);
}
INLINE uint32_t exchange32(uint8_t *p, size_t o, uint32_t v) {
  return __builtin_bswap32(
      __atomic_exchange_n((uint32_t *)(p + o), __builtin_bswap32(v), __ATOMIC_ACQ_REL));
}
INLINE void count(uint8_t *p, size_t o, uint64_t amount) {
  uint64_t *counter = (uint64_t *)(p + o);
  __atomic_store_n(
      counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

INLINE frame_t load_frame(uint8_t *p, size_t o) {
  uint64_t word0 = load64(p, o), low = load64(p, o + 8);
  return (frame_t){word0, (uint32_t)(low >> 32), (uint32_t)low};
}
INLINE void store_frame(uint8_t *p, size_t o, frame_t frame) {
  store64(p, o, frame.word0);
  store64(p, o + 8, (uint64_t)frame.format_length << 32 | frame.command);
}
INLINE frame_t stamped(frame_t frame, uint16_t liodn) {
  frame.word0 &= ~0x3f00f00000000000u;
  frame.word0 |= (uint64_t)(liodn & 0x3f) << 56 | (uint64_t)(liodn >> 6 & 0xf) << 44;
  return frame;
}

INLINE size_t place(uint32_t index, uint32_t size) { return (size_t)(index & (size - 1)) * 64; }
INLINE uint8_t polarity(uint32_t index, uint32_t size) { return index & size ? 0 : 0x80; }
INLINE uint32_t shown(uint32_t index, uint32_t size) {
  return (index & (size - 1)) | (index & size ? 0 : size);
}

// MARK: the guest's side

typedef struct {
  uint64_t bpid, base, byte_count;
  uint32_t stride, size;
  uint64_t reciprocal;
  uint8_t *memory;
} mapped_pool_t;

typedef struct {
  uint8_t *qman, *registers, *bman, *bman_registers, *status;
  mapped_pool_t *pools;
  size_t pool_count;
  uint32_t eqcr_size, dqrr_size, eqcr_producer, eqcr_credit, dqrr_consumer, dqrr_published;
} guest_t;

typedef struct {
  frame_t frame;
  uint32_t fqid, context;
  uint8_t *memory;
} buffer_t;

INLINE bool guest_enqueue(guest_t *g, frame_t frame, uint32_t fqid) {
  if (!g->eqcr_credit) {
    uint32_t consumer = acquire32(g->qman, EQCR_CI_LINE);
    g->eqcr_credit = g->eqcr_size - 1 - ((g->eqcr_producer - consumer) & (g->eqcr_size - 1));
    if (!g->eqcr_credit) return false;
  }
  size_t entry = EQCR + place(g->eqcr_producer, g->eqcr_size);
  uint8_t verb = 0x01 | polarity(g->eqcr_producer, g->eqcr_size);
  store64(g->qman, entry + 8, (uint64_t)fqid << 32);
  store_frame(g->qman, entry + 16, frame);
  release64(g->qman, entry, (uint64_t)verb << 56);
  g->eqcr_producer += 1;
  g->eqcr_credit -= 1;
  count(g->status, 80, 1);
  count(g->status, 88, frame.format_length & 0xfffff);
  return true;
}

INLINE void guest_publish(guest_t *g) {
  if (g->dqrr_published == g->dqrr_consumer) return;
  g->dqrr_published = g->dqrr_consumer;
  release32(g->qman, DQRR_CI_LINE, g->dqrr_consumer & (g->dqrr_size - 1));
}

INLINE bool guest_dequeue(guest_t *g, buffer_t *buffer) {
  for (;;) {
    size_t entry = DQRR + place(g->dqrr_consumer, g->dqrr_size);
    uint64_t word = acquire64(g->qman, entry);
    uint8_t verb = (uint8_t)(word >> 56);
    if ((verb & 0x7f) != 0x60 || (verb & 0x80) != polarity(g->dqrr_consumer, g->dqrr_size)) {
      guest_publish(g);
      return false;
    }
    uint64_t identity = load64(g->qman, entry + 8);
    frame_t frame = load_frame(g->qman, entry + 16);
    g->dqrr_consumer += 1;
    if (!(g->dqrr_consumer & (g->dqrr_size / 4 - 1))) guest_publish(g);
    if (!(word >> 48 & 0x10)) continue;
    count(g->status, 64, 1);
    count(g->status, 72, frame.format_length & 0xfffff);
    for (size_t index = 0; index < g->pool_count; index++) {
      mapped_pool_t *pool = g->pools + index;
      if (pool->bpid != (frame.word0 >> 48 & 0xff)) continue;
      uint64_t offset = (frame.word0 & 0xffffffffff) - pool->base;
      if (offset >= pool->byte_count) break;
      uint64_t number = (uint64_t)(((unsigned __int128)offset * pool->reciprocal) >> 64);
      if (number * pool->stride != offset) break;
      *buffer = (buffer_t){
          frame, (uint32_t)(identity >> 32) & 0xffffff, (uint32_t)identity, pool->memory + offset};
      return true;
    }
    __builtin_trap();
  }
}
