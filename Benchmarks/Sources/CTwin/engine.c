#include "engine.h"

/// Fetches the descriptors of the queues that waiting commands name.
INLINE void look_ahead(engine_t *e, const portal_t *p) {
  uint32_t steps = p->eqcr_size < 32 ? p->eqcr_size : 32;
  for (uint32_t index = p->eqcr_consumer; index != p->eqcr_consumer + steps; index++) {
    size_t entry = EQCR + place(index, p->eqcr_size);
    uint8_t verb = (uint8_t)(acquire64(p->qman, entry) >> 56);
    if (!(verb & 0x7f) || (verb & 0x80) != polarity(index, p->eqcr_size)) return;
    uint32_t fqid = (uint32_t)(load64(p->qman, entry + 8) >> 32) & 0xffffff;
    if (fqid < e->manager.queue_count) __builtin_prefetch(e->manager.queues + fqid, 1, 3);
  }
}

static bool take_from_guest(engine_t *e, size_t index) {
  portal_t *p = e->portals + index;
  if (e->gone >> p->owner & 1) return false;
  p->configuration = acquire32(p->registers, R_CFG);
  uint32_t read = p->configuration & 0x100 ? acquire32(p->qman, MR_CI_LINE)
                                           : acquire32(p->registers, R_MR_CI);
  uint32_t occupancy = (p->mr_producer - read) & (MR_SIZE - 1);
  if (occupancy < p->mr_producer - p->mr_consumer) p->mr_consumer = p->mr_producer - occupancy;
  if (p->held_places || (p->configuration >> 16 & 3) == 2) poll_consumption(p);
  bool busy = false;
  uint64_t taken = 0;
  if (p->backlog_producer - p->backlog_consumer <= 1024 - 256) {
    command_t command;
    while (taken < 64) {
      if (!(taken & 31)) look_ahead(e, p);
      if (!take_enqueue(p, &command)) break;
      if (command.word >> 56 & 4) p->events |= 0x80000;
      uint32_t fqid = (uint32_t)(command.identity >> 32) & 0xffffff;
      if (!is_allowed(e, p, &command)
          || !put(&e->manager, stamped(command.frame, e->owners[p->owner].liodn), fqid))
        __builtin_trap();
      if (command.word >> 48 & 0x80) __builtin_trap();
      taken += 1;
    }
  }
  if (taken) {
    publish_enqueue(p);
    count(e->counters, 256 * p->owner, taken);
    busy = true;
  }
  uint32_t release_mode = acquire32(p->bman_registers, R_CFG) & 3;
  if (release_mode != 2) __builtin_trap();
  uint32_t releases = 0;
  while (releases < RCR_SIZE) {
    size_t entry = B_RCR + place(p->rcr_consumer, RCR_SIZE);
    uint64_t word = acquire64(p->bman, entry);
    uint8_t verb = (uint8_t)(word >> 56);
    if (!(verb & 0x7f) || (verb & 0x80) != polarity(p->rcr_consumer, RCR_SIZE)) break;
    pool_t *pool = e->pools + e->pool_index[word >> 48 & 0xff];
    uint32_t buffer = buffer_at(pool, word & 0xffffffffffff);
    if (buffer == NONE || !give_back(pool, buffer, holder(p->owner))) __builtin_trap();
    p->rcr_consumer += 1;
    releases += 1;
  }
  if (releases) {
    publish_releases(p);
    busy = true;
  }
  if (acquire64(p->bman, B_CR) >> 56 & 0x7f) __builtin_trap();
  if (acquire64(p->qman, CR) >> 56 & 0x7f) __builtin_trap();
  return busy;
}

INLINE bool is_due(uint32_t entries, uint32_t threshold, uint64_t *since, uint64_t now, uint32_t period) {
  if (!entries) {
    *since = 0;
    return false;
  }
  if (!period || entries > threshold) return true;
  if (!*since) *since = now ? now : 1;
  return now - *since >= (uint64_t)period * 1000;
}

INLINE bool update_interrupt(portal_t *p, uint32_t channels, uint64_t now) {
  bool inhibited = acquire32(p->registers, R_IIR) & 1;
  uint32_t seen = acquire32(p->registers, R_ISR);
  if (seen != p->status_shown) p->status &= ~seen;
  uint32_t period = acquire32(p->registers, R_ITPR) & 0xfff, levels = channels | p->events;
  if (is_due(
          p->dqrr_producer - p->dqrr_consumer, acquire32(p->registers, R_DQRR_ITR) & 15,
          &p->dequeue_since, now, period))
    levels |= 0x20000;
  if (is_due(
          p->mr_producer - p->mr_consumer, acquire32(p->registers, R_MR_ITR) & 7,
          &p->message_since, now, period))
    levels |= 0x10000;
  if (acquire32(p->registers, R_EQCR_ITR) & 7) __builtin_trap();
  p->events = 0;
  p->status |= levels & ~acquire32(p->registers, R_ISDR);
  uint32_t shown = p->status ? p->status | 0x80000000 : 0;
  if (shown != seen) {
    uint32_t between = exchange32(p->registers, R_ISR, shown);
    if (between != seen) p->status &= ~between;
  }
  p->status_shown = shown;
  uint32_t enabled = acquire32(p->registers, R_IER);
  bool high = !inhibited && p->status & enabled, was_high = p->is_high;
  p->is_high = high;
  if (!high) return false;
  bool is_new = (enabled & 0x20000 && p->fired_dequeue != p->dqrr_producer)
      || (enabled & 0x10000 && p->fired_message != p->mr_producer);
  p->fired_dequeue = p->dqrr_producer;
  p->fired_message = p->mr_producer;
  return is_new || !was_high;
}

static bool deliver(engine_t *e, size_t index, uint64_t now) {
  portal_t *p = e->portals + index;
  if (e->gone >> p->owner & 1) return false;
  bool knows_room = !(p->held_places | p->consumed_places)
      && room(p) >> 1 > p->dqrr_producer - p->dqrr_consumer;
  if (!knows_room) poll_consumption(p);
  uint32_t before = p->dqrr_producer, left = room(p);
  uint64_t frames = 0;
  if (left) {
    if (!(p->configuration & 0x40000)) {
      uint32_t written = acquire32(p->registers, R_VDQCR);
      if (written || p->volatile_command) __builtin_trap();
    }
    uint32_t command = p->configuration & 0x40000 ? 0 : acquire32(p->registers, R_SDQCR);
    uint32_t channels = command & 0xffff & p->channel_mask;
    if (command >> 24 & 3 && channels) {
      if (channels != 0x8000 || command & 0x40000000 || (command >> 24 & 3) != 1) __builtin_trap();
      uint32_t length = command & 0x20000000 ? 3 : 1, turns = 0;
      while (left && turns++ < 64) {
        if (p->current) __builtin_trap();
        uint32_t fqid = choose(&e->manager, p->channels[0]);
        if (!fqid) break;
        queue_t *queue = e->manager.queues + fqid;
        if (queue->flags) __builtin_trap();
        uint32_t turn = 0;
        while (turn < length && left && queue->count) {
          frame_t frame = pop(&e->manager, fqid);
          hand_over(e, frame, p->owner);
          queue->sequence += 1;
          left -= 1;
          frames += 1;
          deliver_frame(
              p, frame, fqid, queue->context_b, queue->sequence, queue->count ? 0x10 : 0x90,
              (uint8_t)(command >> 16));
          turn += 1;
        }
        end_turn(&e->manager, fqid);
      }
    }
  }
  publish_delivery(p);
  if (knows_room) poll_consumption(p);
  if (frames) count(e->counters, 256 * p->owner + 8, frames);
  uint32_t rest = p->channel_mask, waiting = 0;
  while (rest) {
    uint32_t position = 15 - (31 - (uint32_t)__builtin_clz(rest)), bit = 0x8000u >> position;
    rest &= ~bit;
    if (e->manager.channels[p->channels[position]].non_empty) waiting |= bit;
  }
  if (update_interrupt(p, waiting, now)) __builtin_trap();
  // BMan's half: no threshold, nothing shown, nothing happened.
  if (acquire32(p->bman_registers, R_EQCR_ITR) & 7 || p->bman_events | p->bman_shown
      || acquire32(p->bman_registers, R_ISR))
    __builtin_trap();
  return p->dqrr_producer != before;
}

bool twin_deliver(engine_t *e, size_t index, uint64_t now) { return deliver(e, index, now); }

/// Copies one frame into a buffer of its receiver; false to wait for a buffer.
INLINE bool move(engine_t *e, frame_t frame, const link_t *link, uint64_t now) {
  pool_t *from = e->pools + e->pool_index[frame.word0 >> 48 & 0xff];
  uint8_t *bytes = from->memory + ((frame.word0 & 0xffffffffff) - from->base)
      + (frame.format_length >> 20 & 0x1ff);
  uint32_t length = frame.format_length & 0xfffff;
  if (e->gone >> link->owner & 1) __builtin_trap();
  owner_t owner = e->owners[link->owner];
  for (size_t index = owner.first_pool; index < owner.first_pool + owner.pool_count; index++) {
    pool_t *pool = e->pools + index;
    if (length + 64 > pool->size || e->depleted >> (63 - pool->bpid) & 1) continue;
    uint32_t buffer = acquire(pool, ENGINE);
    if (buffer == NONE) continue;
    pool->waiting_since = 0;
    // In front of the frame: no parse result, the time, no hash.
    uint8_t *start = pool->memory + (size_t)buffer * pool->stride;
    memset(start + 16, 0, 32);
    store64(start, 48, now);
    store64(start, 56, 0);
    memcpy(start + 64, bytes, length);
    frame_t copy = {
        pool->bpid << 48 | (address_of(pool, buffer) & 0xffffffffff), 64 << 20 | length, 0};
    if (put(&e->manager, stamped(copy, owner.liodn), link->queue)) return true;
    __builtin_trap();
  }
  return false;
}

static bool forward(engine_t *e, size_t index, uint64_t now) {
  const link_t *link = e->links + index;
  uint32_t moved = 0, turns = 0;
  while (moved < 32 && turns < 32) {
    uint32_t fqid = choose(&e->manager, link->channel);
    if (!fqid) break;
    turns += 1;
    queue_t *queue = e->manager.queues + fqid;
    for (uint32_t turn = 0; turn < 3 && queue->count; turn++) {
      frame_t frame = queue->first;
      if (!move(e, frame, link, now)) {
        end_turn(&e->manager, fqid);
        return moved > 0;
      }
      pop(&e->manager, fqid);
      pool_t *pool = e->pools + e->pool_index[frame.word0 >> 48 & 0xff];
      uint32_t buffer = buffer_at(pool, frame.word0 & 0xffffffffff);
      if (buffer == NONE || !give_back(pool, buffer, ENGINE)) __builtin_trap();
      moved += 1;
    }
    end_turn(&e->manager, fqid);
  }
  return moved > 0;
}

bool run_round(engine_t *e, uint64_t now) {
  bool busy = false;
  for (size_t index = 0; index < e->portal_count; index++)
    if (take_from_guest(e, index)) busy = true;
  for (size_t index = 0; index < e->link_count; index++)
    if (forward(e, index, now)) busy = true;
  for (size_t index = 0; index < e->portal_count; index++)
    if (deliver(e, index, now)) busy = true;
  return busy;
}
