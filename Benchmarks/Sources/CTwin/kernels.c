#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "twin_private.h"

static void *map(size_t size) {
  void *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

enum { STRIDE = 2112, SIZE = 2048, WINDOW = 0x4000 * 2 + 0x1000 * 2, QUEUES = 1024 };

twin_t *twin_make(uint32_t ring, uint32_t buffers) {
  size_t pool_size = (size_t)buffers * STRIDE;
  // Everything in one mapping, each part on a page of its own.
  size_t tables = 1 << 20;
  size_t total = tables + 2 * (WINDOW + 4096 + ((pool_size + 4095) & ~(size_t)4095)) + 4096;
  uint8_t *memory = map(total);
  if (!memory) return NULL;
  twin_t *twin = (twin_t *)(void *)memory;
  twin->mapped = total;
  uint8_t *next = memory + ((sizeof(twin_t) + 63) & ~(size_t)63);
#define TABLE(type, count) \
  ((type *)(void *)next); \
  next += ((sizeof(type) * (count)) + 127) & ~(size_t)127
  engine_t *e = &twin->engine;
  e->manager.queues = TABLE(queue_t, QUEUES);
  e->manager.queue_count = QUEUES;
  e->manager.record_count = 2 * buffers + 1;
  e->manager.records = TABLE(record_t, e->manager.record_count);
  e->manager.lines = TABLE(line_t, 8 * 5);
  e->manager.channels = TABLE(channel_t, 5);
  e->manager.book = TABLE(books_t, 1);
  e->manager.book->fresh_record = 1;
  e->pools = TABLE(pool_t, 2);
  e->portals = TABLE(portal_t, 2);
  e->links = TABLE(link_t, 2);
  e->owners = TABLE(owner_t, 2);
  e->pool_index = TABLE(uint8_t, 256);
  memset(e->pool_index, 255, 256);
  e->pool_count = e->portal_count = e->link_count = 2;
  uint8_t *region = memory + tables;
  e->counters = region;
  region += 4096;
  for (uint32_t owner = 0; owner < 2; owner++) {
    pool_t *pool = e->pools + owner;
    *pool = (pool_t){
        .bpid = owner + 1, .owner = owner, .base = 0x100000 + (uint64_t)owner * 0x10000000,
        .byte_count = pool_size, .count = buffers, .size = SIZE, .stride = STRIDE,
        .reciprocal = UINT64_MAX / STRIDE + 1, .free_count = buffers, .lowest_free = buffers};
    pool->holders = TABLE(uint8_t, buffers);
    pool->free_list = TABLE(uint32_t, buffers);
    for (uint32_t index = 0; index < buffers; index++) pool->free_list[index] = buffers - 1 - index;
    e->pool_index[owner + 1] = (uint8_t)owner;
    e->owners[owner] = (owner_t){owner, 1, (uint16_t)(owner + 1)};
    e->links[owner] = (link_t){3 + owner, 1 - owner, twin_receive(1 - owner)};
    portal_t *p = e->portals + owner;
    *p = (portal_t){
        .owner = owner, .channels = {(uint16_t)(owner + 1)}, .channel_mask = 0x8000,
        .run = {1 + 500 * owner, 500}, .qman = region, .bman = region + 0x4000,
        .registers = region + 0x8000, .bman_registers = region + 0x9000, .eqcr_size = ring,
        .dqrr_size = ring};
    region += WINDOW;
    twin->guests[owner] = (guest_t){
        .qman = p->qman, .registers = p->registers, .bman = p->bman,
        .bman_registers = p->bman_registers, .status = region, .pools = &twin->pools[owner],
        .pool_count = 1, .eqcr_size = ring, .dqrr_size = ring};
    region += 4096;
    pool->memory = region;
    region += (pool_size + 4095) & ~(size_t)4095;
    twin->pools[owner] = (mapped_pool_t){
        pool->bpid, pool->base, pool->byte_count, STRIDE, SIZE, pool->reciprocal, pool->memory};
    release32(p->registers, R_CFG, 0x02010000 | (ring - 1 < 15 ? ring - 1 : 15) << 20);
    release32(p->registers, R_SDQCR, 0x21008000);
    release32(p->registers, R_IIR, 1);
    release32(p->registers, R_IER, 0x30000);
    release32(p->bman_registers, R_CFG, 2);
    // The receive queue on the portal, the transmit queue on the link's port.
    e->manager.queues[twin_receive(owner)] =
        (queue_t){.state = TENTATIVELY, .channel = (uint16_t)(1 + owner), .work_queue = 3};
    e->manager.queues[twin_transmit(owner)] =
        (queue_t){.state = TENTATIVELY, .channel = (uint16_t)(3 + owner), .work_queue = 3};
  }
  for (size_t channel = 0; channel < 5; channel++) e->manager.channels[channel].turn = 2;
  return twin;
}

void twin_unmake(twin_t *twin) { munmap(twin, twin->mapped); }

void twin_fill(twin_t *twin, uint32_t frames, uint32_t length) {
  for (uint32_t owner = 0; owner < 2; owner++) {
    for (uint32_t index = 0; index < frames; index++) {
      pool_t *pool = twin->engine.pools + owner;
      uint32_t buffer = acquire(pool, holder(owner));
      if (buffer == NONE) __builtin_trap();
      memset(pool->memory + (size_t)buffer * STRIDE + 64, 0x5a, length);
      frame_t frame = {pool->bpid << 48 | address_of(pool, buffer), 64 << 20 | length, 0};
      while (!guest_enqueue(&twin->guests[owner], frame, twin_transmit(owner)))
        run_round(&twin->engine, twin_now());
    }
  }
}

uint64_t twin_rings(twin_t *twin, uint64_t frames) {
  guest_t *guest = &twin->guests[0];
  engine_t *e = &twin->engine;
  portal_t *p = e->portals;
  uint64_t done = 0;
  p->configuration = acquire32(p->registers, R_CFG);
  while (done < frames) {
    buffer_t buffer;
    while (guest_dequeue(guest, &buffer))
      if (!guest_enqueue(guest, buffer.frame, twin_transmit(0))) __builtin_trap();
    poll_consumption(p);
    command_t command;
    uint32_t taken = 0;
    while (taken < 32 && room(p) && take_enqueue(p, &command)) {
      if (!is_allowed(e, p, &command)) __builtin_trap();
      hand_over(e, command.frame, 0);
      deliver_frame(
          p, command.frame, (uint32_t)(command.identity >> 32) & 0xffffff, 0, 0, 0x10, 0);
      taken += 1;
    }
    if (!taken) __builtin_trap();
    publish_enqueue(p);
    publish_delivery(p);
    done += taken;
  }
  return done;
}

uint64_t twin_pools(twin_t *twin, uint64_t buffers) {
  pool_t *pool = twin->engine.pools;
  uint64_t done = 0;
  while (done < buffers) {
    uint64_t addresses[8];
    for (uint32_t index = 0; index < 8; index++) {
      uint32_t buffer = acquire(pool, 1);
      if (buffer == NONE) __builtin_trap();
      addresses[index] = address_of(pool, buffer);
    }
    for (uint32_t index = 0; index < 8; index++) {
      uint32_t buffer = buffer_at(pool, addresses[index]);
      if (buffer == NONE || !give_back(pool, buffer, 1)) __builtin_trap();
    }
    done += 8;
  }
  return done;
}

uint64_t twin_copies(twin_t *twin, uint64_t frames, uint32_t length) {
  const pool_t *from = twin->engine.pools, *to = from + 1;
  uint32_t buffer = 0;
  for (uint64_t done = 0; done < frames; done++) {
    // The stride is a pool's own, as for the engine: none of the two knows it when it is compiled.
    memcpy(
        to->memory + (size_t)buffer * to->stride + 64,
        from->memory + (size_t)buffer * from->stride + 64, length);
    buffer = buffer + 1 == 32 ? 0 : buffer + 1;
  }
  return frames;
}

uint64_t twin_guest_step(twin_t *twin) {
  uint64_t done = 0;
  for (uint32_t owner = 0; owner < 2; owner++) {
    guest_t *guest = &twin->guests[owner];
    buffer_t buffer;
    for (uint32_t index = 0; index < 32 && guest_dequeue(guest, &buffer); index++) {
      while (!guest_enqueue(guest, buffer.frame, twin_transmit(owner))) twin_wait(twin);
      done += 1;
    }
  }
  return done;
}

uint64_t twin_path(twin_t *twin, uint64_t frames) {
  uint64_t done = 0;
  twin->is_inline = true;
  while (done < frames) {
    run_round(&twin->engine, twin_now());
    uint64_t step = twin_guest_step(twin);
    done += step;
  }
  return done;
}
