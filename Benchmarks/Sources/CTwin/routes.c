#include <string.h>

#include "twin.h"

// The record layout is that of `PrefixTable` in Sources/Portal/Routes/PrefixTable.swift.

static inline __attribute__((always_inline)) uint64_t load64(const uint8_t *from) {
  uint64_t value;
  memcpy(&value, from, 8);
  return value;
}

static inline __attribute__((always_inline)) uint32_t lookup(
    const uint8_t *table, uint64_t high, uint64_t low) {
  const uint32_t *words = (const uint32_t *)(const void *)table;
  uint32_t entry = words[high >> 48];
  while (entry >= 0x80000000) {
    size_t place = entry & 0x3fffffff;
    if (entry < 0xc0000000) {
      const uint8_t *node = table + place * 64;
      uint64_t head = load64(node + 32), at = head >> 56;
      uint64_t byte = (at < 8 ? high : low) >> (56 - (at & 7) * 8) & 0xff, quarter = byte >> 6;
      uint64_t before = ((head >> 32) << 8) >> (quarter * 8) & 0xff;
      uint64_t bits = load64(node + quarter * 8) & UINT64_MAX >> (63 - (byte & 63));
      entry = words[(head & 0xffffffff) + before + (uint64_t)__builtin_popcountll(bits) - 1];
    } else {
      const uint32_t *record = (const uint32_t *)(const void *)(table + place * 32);
      uint64_t upper = load64(table + place * 32) ^ high;
      uint64_t lower = load64(table + place * 32 + 8) ^ low;
      uint32_t equal = upper   ? (uint32_t)__builtin_clzll(upper)
                       : lower ? 64 + (uint32_t)__builtin_clzll(lower)
                               : 128;
      entry = record[equal >= record[4] ? 5 : 6];
    }
  }
  return entry;
}

uint64_t twin_routes(
    const void *table, const uint32_t *addresses, uint64_t address_count, uint64_t count,
    uint64_t *sum) {
  uint64_t found = 0;
  for (uint64_t index = 0; index < count; index++) {
    uint32_t entry = lookup(table, (uint64_t)addresses[index & (address_count - 1)] << 32, 0);
    found += entry ? entry - 1 : 0;
  }
  *sum += found;
  return count;
}
