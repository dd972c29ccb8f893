// The engine's tables as C: the same records, the same links, the same steps as QueueManager.swift and
// BufferPool.swift. Only what a queue without flags goes through; what is rare is not here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef struct {
  uint64_t word0;
  uint32_t format_length, command;
} frame_t;

enum { OUT_OF_SERVICE, RETIRED, TENTATIVELY, TRULY, PARKED, ACTIVE };

typedef struct {
  frame_t first;
  uint64_t enqueued;
  uint32_t next, count, head, tail, context_b, bytes;
  uint16_t control, sequence, channel, threshold;
  uint8_t state, work_queue, flags, group, unconsumed, reserved[3];
} queue_t;
_Static_assert(sizeof(queue_t) == 64, "a frame queue is one cache line");

typedef struct {
  frame_t frame;
  uint32_t next, reserved[3];
} record_t;

typedef struct {
  uint32_t head, tail, length, reserved;
} line_t;

typedef struct {
  uint16_t number;
  uint8_t non_empty, turn;
} channel_t;

typedef struct {
  uint32_t free_record, fresh_record;
  uint64_t frame_count;
} books_t;

typedef struct {
  queue_t *queues;
  record_t *records;
  line_t *lines;
  channel_t *channels;
  books_t *book;
  size_t record_count, queue_count;
} manager_t;

INLINE void append(manager_t *m, uint32_t fqid, queue_t *queue) {
  channel_t *channel = m->channels + queue->channel;
  uint8_t number = queue->work_queue;
  line_t *line = m->lines + (size_t)queue->channel * 8 + number;
  queue->next = 0;
  line->length += 1;
  if (!(channel->non_empty & (1u << number))) {
    channel->non_empty |= (uint8_t)(1u << number);
    line->head = fqid;
  } else {
    m->queues[line->tail].next = fqid;
  }
  line->tail = fqid;
}

INLINE bool put(manager_t *m, frame_t frame, uint32_t fqid) {
  queue_t *queue = m->queues + fqid;
  if (queue->state < TENTATIVELY) return false;
  if (queue->flags) return false;
  if (queue->count == 0) {
    queue->first = frame;
  } else {
    uint32_t record = m->book->free_record;
    if (record) {
      m->book->free_record = m->records[record].next;
    } else {
      if (m->book->fresh_record >= m->record_count) return false;
      record = m->book->fresh_record++;
    }
    m->records[record].frame = frame;
    m->records[record].next = 0;
    if (queue->count == 1) queue->head = record;
    else m->records[queue->tail].next = record;
    queue->tail = record;
  }
  queue->count += 1;
  queue->bytes += frame.format_length & 0xfffff;
  queue->enqueued += 1;
  m->book->frame_count += 1;
  if (queue->state == TENTATIVELY) {
    queue->state = TRULY;
    append(m, fqid, queue);
  }
  return true;
}

INLINE frame_t pop(manager_t *m, uint32_t fqid) {
  queue_t *queue = m->queues + fqid;
  frame_t frame = queue->first;
  queue->count -= 1;
  queue->bytes -= frame.format_length & 0xfffff;
  m->book->frame_count -= 1;
  if (queue->count > 0) {
    uint32_t record = queue->head;
    queue->first = m->records[record].frame;
    queue->head = m->records[record].next;
    m->records[record].next = m->book->free_record;
    m->book->free_record = record;
  }
  return frame;
}

INLINE int choose_line(channel_t *channel) {
  uint8_t non_empty = channel->non_empty;
  if (!non_empty) return -1;
  if (non_empty & 3) return non_empty & 1 ? 0 : 1;
  unsigned behind = (unsigned)non_empty >> channel->turn;
  int number = behind ? channel->turn + __builtin_ctz(behind) : __builtin_ctz(non_empty);
  channel->turn = number >= 7 ? 2 : (uint8_t)(number + 1);
  return number;
}

/// The next queue of a channel; 0 when nothing waits.
INLINE uint32_t choose(manager_t *m, size_t index) {
  for (;;) {
    channel_t *channel = m->channels + index;
    int number = choose_line(channel);
    if (number < 0) return 0;
    line_t *line = m->lines + index * 8 + (size_t)number;
    uint32_t fqid = line->head;
    queue_t *queue = m->queues + fqid;
    uint32_t next = queue->next;
    line->head = next;
    line->length -= 1;
    if (!next) channel->non_empty &= (uint8_t)~(1u << number);
    if (queue->flags & 1) {
      queue->state = TENTATIVELY;
      continue;
    }
    queue->state = ACTIVE;
    return fqid;
  }
}

INLINE void end_turn(manager_t *m, uint32_t fqid) {
  queue_t *queue = m->queues + fqid;
  if (queue->flags) __builtin_trap();
  if (queue->count > 0) {
    queue->state = TRULY;
    append(m, fqid, queue);
  } else {
    queue->state = TENTATIVELY;
  }
}

// MARK: pools

enum { FREE = 0, ENGINE = 255 };

typedef struct {
  uint64_t bpid, owner, base, byte_count;
  uint32_t count, size, stride;
  uint64_t reciprocal;
  uint8_t *memory, *holders;
  uint32_t *free_list;
  uint32_t free_count, lowest_free;
  uint64_t waiting_since;
  bool is_given_up;
} pool_t;

enum { NONE = 0xffffffffu };

INLINE uint32_t acquire(pool_t *pool, uint8_t holder) {
  if (!pool->free_count) return NONE;
  pool->free_count -= 1;
  if (pool->free_count < pool->lowest_free) pool->lowest_free = pool->free_count;
  uint32_t buffer = pool->free_list[pool->free_count];
  pool->holders[buffer] = holder;
  return buffer;
}

INLINE bool give_back(pool_t *pool, uint32_t buffer, uint8_t holder) {
  if (pool->holders[buffer] != holder) return false;
  pool->holders[buffer] = FREE;
  pool->free_list[pool->free_count++] = buffer;
  if (pool->is_given_up && pool->free_count >= pool->count / 4) pool->is_given_up = false;
  return true;
}

INLINE bool transfer(pool_t *pool, uint32_t buffer, uint8_t from, uint8_t to) {
  if (pool->holders[buffer] != from) return false;
  pool->holders[buffer] = to;
  return true;
}

INLINE uint32_t buffer_at(const pool_t *pool, uint64_t address) {
  uint64_t offset = address - pool->base;
  if (offset >= pool->byte_count) return NONE;
  uint64_t buffer = (uint64_t)(((unsigned __int128)offset * pool->reciprocal) >> 64);
  return buffer * pool->stride == offset ? (uint32_t)buffer : NONE;
}

INLINE uint64_t address_of(const pool_t *pool, uint32_t buffer) {
  return pool->base + (uint64_t)buffer * pool->stride;
}
