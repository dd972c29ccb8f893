#include <string.h>

#include "twin.h"

// The record layout is that of `PrefixTable` in Sources/Portal/Routes/PrefixTable.swift.

typedef uint16_t lanes_t __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) uint64_t load64(const uint8_t *from) {
  uint64_t value;
  memcpy(&value, from, 8);
  return value;
}

static inline __attribute__((always_inline)) uint64_t byte_at(
    uint64_t place, uint64_t high, uint64_t low) {
  return (place < 8 ? high : low) >> (56 - (place & 7) * 8) & 0xff;
}

static inline __attribute__((always_inline)) uint64_t below(uint64_t bytes, uint64_t limits) {
  const uint64_t tops = 0x8080808080808080;
  uint64_t rest = (bytes | tops) - (limits & ~tops);
  return (~((bytes & ~limits) | (~(bytes ^ limits) & rest)) & tops) >> 7;
}

static inline __attribute__((always_inline)) uint32_t lookup(
    const uint8_t *table, uint64_t high, uint64_t low) {
  const uint32_t *words = (const uint32_t *)(const void *)table;
  uint32_t entry = words[high >> 48];
  while (entry >= 0x80000000) {
    if (entry >= 0xf0000000) {
      const uint8_t *span = table + (size_t)(entry - 0xf0000000) * 8;
      lanes_t begins, wanted = {0};
      memcpy(&begins, span, sizeof begins);
      wanted += (uint16_t)(high >> 32);
      lanes_t below = (lanes_t)(begins < wanted);
      uint16_t rank = 0;
      for (int lane = 0; lane < 16; lane++) rank = (uint16_t)(rank - below[lane]);
      entry = ((const uint32_t *)(const void *)(span + 32))[rank];
    } else if (entry >= 0xe0000000) {
      const uint8_t *list = table + (size_t)(entry - 0xe0000000) * 8;
      const uint64_t ones = 0x0101010101010101;
      uint64_t second = load64(list + 8), wanted = byte_at(second >> 56, high, low) * ones;
      uint64_t rank = below(load64(list), wanted) + below(second | 0xffull << 56, wanted);
      entry = ((const uint32_t *)(const void *)(list + 16))[rank * ones >> 56];
    } else if (entry < 0xc0000000) {
      const uint8_t *node = table + (size_t)(entry - 0x80000000) * 64;
      uint64_t head = load64(node + 32);
      uint64_t byte = byte_at(head >> 56, high, low), quarter = byte >> 6;
      uint64_t before = ((head >> 32) << 8) >> (quarter * 8) & 0xff;
      uint64_t bits = load64(node + quarter * 8) & UINT64_MAX >> (63 - (byte & 63));
      entry = words[(head & 0xffffffff) + before + (uint64_t)__builtin_popcountll(bits) - 1];
    } else {
      const uint8_t *start = table + (size_t)(entry - 0xc0000000) * 32;
      const uint32_t *record = (const uint32_t *)(const void *)start;
      uint64_t upper = load64(start) ^ high, lower = load64(start + 8) ^ low;
      uint32_t equal = upper   ? (uint32_t)__builtin_clzll(upper)
                       : lower ? 64 + (uint32_t)__builtin_clzll(lower)
                               : 128;
      entry = record[equal >= record[4] ? 5 : 6];
    }
  }
  return entry;
}

static inline __attribute__((always_inline)) void prefetch(const uint8_t *table, uint64_t high) {
  uint32_t entry = ((const uint32_t *)(const void *)table)[high >> 48];
  if (entry >= 0xe0000000)
    __builtin_prefetch(table + (size_t)(entry & 0x0fffffff) * 8, 0, 3);
  else if (entry >= 0x80000000 && entry < 0xc0000000)
    __builtin_prefetch(table + (size_t)(entry - 0x80000000) * 64, 0, 3);
}

uint64_t twin_routes(
    const void *table, const uint32_t *addresses, uint64_t address_count, uint64_t count,
    bool is_large, uint64_t *sum) {
  uint64_t found = 0;
  for (uint64_t done = 0; done < count; done += 32) {
    const uint32_t *burst = addresses + (done & (address_count - 1));
    if (is_large)
      for (int index = 0; index < 32; index++) prefetch(table, (uint64_t)burst[index] << 32);
    for (int index = 0; index < 32; index++) {
      uint32_t entry = lookup(table, (uint64_t)burst[index] << 32, 0);
      found += entry ? entry - 1 : 0;
    }
  }
  *sum += found;
  return count;
}
