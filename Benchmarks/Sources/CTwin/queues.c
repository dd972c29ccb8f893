#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "tables.h"
#include "twin.h"

struct twin_manager {
  manager_t manager;
  size_t mapped;
  uint32_t queues;
};

twin_manager_t *twin_manager_make(uint32_t queues, uint32_t frames) {
  size_t sizes[] = {
      4096, (size_t)queues * sizeof(queue_t), ((size_t)frames + 1) * sizeof(record_t), 4096};
  size_t total = 0, huge = 1 << 21;
  for (size_t index = 0; index < 4; index++) total += (sizes[index] + huge - 1) & ~(huge - 1);
  uint8_t *memory =
      mmap(0, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  // As the engine does it: what is small lies in small pages.
  if (sizes[1] >= huge) madvise(memory, total, MADV_HUGEPAGE);
  twin_manager_t *made = (twin_manager_t *)(void *)memory;
  uint8_t *parts[4];
  uint8_t *next = memory;
  for (size_t index = 0; index < 4; index++) {
    parts[index] = next;
    next += (sizes[index] + huge - 1) & ~(huge - 1);
  }
  made->mapped = total;
  made->queues = queues;
  made->manager = (manager_t){
      .queues = (queue_t *)(void *)parts[1], .records = (record_t *)(void *)parts[2],
      .record_count = frames + 1, .lines = (line_t *)(void *)parts[3],
      .channels = (channel_t *)(void *)(parts[3] + 2048),
      .book = (books_t *)(void *)(parts[3] + 3072)};
  made->manager.book->fresh_record = 1;
  made->manager.channels[1].turn = 2;
  for (uint32_t index = 1; index < queues; index++)
    made->manager.queues[index] = (queue_t){.state = TENTATIVELY, .channel = 1, .work_queue = 3};
  return made;
}

void twin_manager_unmake(twin_manager_t *made) { munmap(made, made->mapped); }

uint64_t twin_queues(twin_manager_t *made, uint64_t frames, uint64_t *random) {
  manager_t *m = &made->manager;
  uint64_t state = *random, done = 0;
  while (done < frames) {
    for (uint32_t index = 0; index < 32; index++) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      uint32_t fqid = 1 + (uint32_t)((state >> 32) * (made->queues - 1) >> 32);
      if (!put(m, (frame_t){1ull << 48 | index, 64 << 20 | 64, 0}, fqid)) __builtin_trap();
    }
    uint32_t fqid;
    while ((fqid = choose(m, 1))) {
      for (uint32_t turn = 0; turn < 3 && m->queues[fqid].count; turn++) {
        if ((pop(m, fqid).format_length & 0xfffff) != 64) __builtin_trap();
        done += 1;
      }
      end_turn(m, fqid);
    }
  }
  *random = state;
  return done;
}
