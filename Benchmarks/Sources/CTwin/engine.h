// A round of the engine as C: what EngineRound.swift and EngineRound+Delivery.swift do for guests that
// poll, and what EngineRound+Offline.swift does for links between guests.
#pragma once

#include "portal.h"

typedef struct {
  uint32_t first, count;
} run_t;

/// What a portal's ring entries say.
typedef struct {
  uint64_t word, identity;
  frame_t frame;
} command_t;

typedef struct {
  size_t owner;
  uint16_t channels[16];
  uint32_t channel_mask;
  run_t run;
  uint8_t *qman, *registers, *bman, *bman_registers;
  uint32_t eqcr_size, dqrr_size, configuration, eqcr_consumer, dqrr_producer, dqrr_published,
      dqrr_consumer, current, volatile_command, mr_producer, mr_consumer, rcr_consumer,
      backlog_producer, backlog_consumer;
  uint64_t consumed_places, held_places;
  uint32_t status, status_shown, events, fired_dequeue, fired_message,
      bman_events, bman_shown;
  uint64_t dequeue_since, message_since;
  bool is_high;
} portal_t;

typedef struct {
  size_t first_pool, pool_count;
  uint16_t liodn;
} owner_t;

typedef struct {
  size_t channel, owner;
  uint32_t queue;
} link_t;

typedef struct {
  manager_t manager;
  pool_t *pools;
  portal_t *portals;
  link_t *links;
  owner_t *owners;
  uint8_t *pool_index, *counters;
  size_t pool_count, portal_count, link_count;
  /// Pools that are depleted by hardware's marks, pool 0 first.
  uint64_t depleted;
  uint64_t gone;
} engine_t;

/// The holder byte of an owner.
INLINE uint8_t holder(size_t owner) { return (uint8_t)(owner + 1); }

INLINE bool take_enqueue(portal_t *p, command_t *command) {
  if (p->mr_producer - p->mr_consumer >= MR_SIZE - 1) return false;
  size_t entry = EQCR + place(p->eqcr_consumer, p->eqcr_size);
  uint64_t word = acquire64(p->qman, entry);
  if ((p->configuration >> 24 & 3) != 2) return false;
  uint8_t verb = (uint8_t)(word >> 56);
  if (!(verb & 0x7f) || (verb & 0x80) != polarity(p->eqcr_consumer, p->eqcr_size)) return false;
  *command = (command_t){word, load64(p->qman, entry + 8), load_frame(p->qman, entry + 16)};
  p->eqcr_consumer += 1;
  return true;
}

INLINE void publish_enqueue(portal_t *p) {
  uint32_t consumer = p->eqcr_consumer & (p->eqcr_size - 1);
  release32(p->qman, EQCR_CI_LINE, consumer);
  release32(p->registers, R_EQCR_CI, consumer);
  uint32_t producer = shown(p->eqcr_consumer, p->eqcr_size);
  release32(p->qman, EQCR_PI_LINE, producer);
  release32(p->registers, R_EQCR_PI, producer);
}

INLINE void publish_releases(portal_t *p) {
  uint32_t consumer = p->rcr_consumer & (RCR_SIZE - 1);
  release32(p->bman, B_RCR_CI_LINE, consumer);
  release32(p->bman_registers, R_EQCR_CI, consumer);
  release32(p->bman, B_RCR_PI_LINE, shown(p->rcr_consumer, RCR_SIZE));
  release32(p->bman_registers, R_EQCR_PI, shown(p->rcr_consumer, RCR_SIZE));
}

/// Whether a guest may enqueue this; its buffer is then the engine's.
INLINE bool is_allowed(engine_t *e, portal_t *p, const command_t *command) {
  if ((command->word >> 56 & 0x63) != 1) return false;
  uint32_t fqid = (uint32_t)(command->identity >> 32) & 0xffffff;
  if (fqid - p->run.first >= p->run.count) return false;
  frame_t frame = command->frame;
  uint8_t index = e->pool_index[frame.word0 >> 48 & 0xff];
  if (index == 255) return false;
  pool_t *pool = e->pools + index;
  uint32_t buffer = buffer_at(pool, frame.word0 & 0xffffffffff);
  if (buffer == NONE) return false;
  uint32_t length = frame.format_length & 0xfffff;
  if (frame.format_length >> 29 || !length
      || (frame.format_length >> 20 & 0x1ff) + length > pool->size)
    return false;
  return transfer(pool, buffer, holder(p->owner), ENGINE);
}

INLINE void poll_consumption(portal_t *p) {
  if (p->backlog_producer - p->backlog_consumer > 1024 - 256) return;
  if ((p->configuration >> 16 & 3) != 1) __builtin_trap();
  uint32_t index = acquire32(p->qman, DQRR_CI_LINE);
  uint32_t occupancy = (p->dqrr_producer - index) & (p->dqrr_size - 1);
  if (occupancy >= p->dqrr_producer - p->dqrr_consumer) return;
  p->dqrr_consumer = p->dqrr_producer - occupancy;
  release32(p->registers, R_DQRR_CI, p->dqrr_consumer & (p->dqrr_size - 1));
  if (p->held_places | p->consumed_places) __builtin_trap();
}

INLINE uint32_t room(const portal_t *p) {
  uint32_t fill = p->configuration >> 20 & 15;
  uint32_t limit = fill == 15 ? p->dqrr_size - 1 : fill;
  uint32_t occupied = p->dqrr_producer - p->dqrr_consumer;
  return occupied < limit ? limit - occupied : 0;
}

INLINE void hand_over(engine_t *e, frame_t frame, size_t owner) {
  pool_t *pool = e->pools + e->pool_index[frame.word0 >> 48 & 0xff];
  uint32_t buffer = buffer_at(pool, frame.word0 & 0xffffffffff);
  if (buffer == NONE || !transfer(pool, buffer, ENGINE, holder(owner))) __builtin_trap();
}

/// Puts an entry on the dequeue ring, in which there must be room.
INLINE void deliver_frame(
    portal_t *p, frame_t frame, uint32_t fqid, uint32_t context, uint16_t sequence, uint8_t status,
    uint8_t token) {
  size_t entry = DQRR + place(p->dqrr_producer, p->dqrr_size);
  store64(p->qman, entry + 8, (uint64_t)fqid << 32 | context);
  store_frame(p->qman, entry + 16, frame);
  uint64_t verb = 0x60 | polarity(p->dqrr_producer, p->dqrr_size);
  release64(
      p->qman, entry,
      (verb << 24 | (uint64_t)status << 16 | (sequence & 0x7fff)) << 32 | (uint64_t)token << 24);
  p->dqrr_producer += 1;
}

INLINE void publish_delivery(portal_t *p) {
  if (p->dqrr_published == p->dqrr_producer) return;
  p->dqrr_published = p->dqrr_producer;
  uint32_t producer = shown(p->dqrr_producer, p->dqrr_size);
  release32(p->qman, DQRR_PI_LINE, producer);
  release32(p->registers, R_DQRR_PI, producer);
}

/// A round; whether anything was to be done.
bool run_round(engine_t *engine, uint64_t now);
