// The way of a frame from the wire to a guest as C: parse, rules, hash, buffer, copy, queue, dequeue ring,
// and its buffer back, as FrameParser.swift, Classifier.swift, KeyGen.swift and EngineRound+Receive.swift have
// it. Only what an IPv4 packet with UDP in it goes through; what is rarer is not here.
#include <stdlib.h>

#include "twin_private.h"

typedef struct {
  uint64_t words[8];
  uint16_t layer2, layer3, next, fragment;
  uint8_t port, layer4, routing, validity;
  uint64_t first, second;
  bool is_verified;
} parsed_t;

typedef struct {
  size_t word;
  uint64_t mask, value;
} term_t;

typedef struct {
  size_t first_term, term_count, owner;
  uint32_t base, mask;
  bool has_ports;
} rule_t;

typedef struct {
  const uint8_t *bytes;
  size_t count;
} wire_frame_t;

struct twin_receiver {
  twin_t *twin;
  uint64_t crc[8][256];
  rule_t rules[8];
  term_t terms[16];
  wire_frame_t *frames;
  size_t frame_count, next, longest;
  buffer_t burst[32];
  uint32_t rcr_producer;
};

INLINE uint16_t be16(const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return __builtin_bswap16(value);
}
INLINE uint32_t be32(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return __builtin_bswap32(value);
}
INLINE uint64_t be64(const uint8_t *p) {
  uint64_t value;
  memcpy(&value, p, 8);
  return __builtin_bswap64(value);
}

/// Notes where a header begins, by its byte in the second half of the parse result.
INLINE void note(parsed_t *f, int place, size_t offset) {
  unsigned shift = 56 - 8 * (place & 7);
  uint64_t byte = offset > 254 ? 255 : offset;
  uint64_t *word = place < 8 ? &f->first : &f->second;
  *word = (*word & ~((uint64_t)0xff << shift)) | byte << shift;
}

/// The Internet checksum's sum, not folded yet.
INLINE uint64_t sum(const uint8_t *p, size_t count) {
  uint64_t total = 0;
  size_t offset = 0;
  for (; offset + 8 <= count; offset += 8) {
    uint64_t word;
    memcpy(&word, p + offset, 8);
    total += (word & 0xffffffff) + (word >> 32);
  }
  for (; offset + 2 <= count; offset += 2) {
    uint16_t word;
    memcpy(&word, p + offset, 2);
    total += word;
  }
  if (offset < count) total += p[offset];
  return total;
}

INLINE bool is_right(uint64_t total) {
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return total == 0xffff;
}

INLINE void parse(parsed_t *f, const uint8_t *p, size_t count) {
  *f = (parsed_t){.first = UINT64_MAX, .second = UINT64_MAX};
  if (count < 14) return;
  uint64_t first = be64(p);
  f->words[0] = first & 0xffffffffffff0000;
  f->words[1] = be64(p + 6) & 0xffffffffffff0000;
  f->words[7] = (uint64_t)1 << 52;
  f->layer2 = 0x8000;
  note(f, 3, 0);
  if (first >> 56 & 1) f->layer2 |= first >> 16 == 0xffffffffffff ? 0x60 : 0x20;
  uint16_t type = be16(p + 12);
  if (type != 0x0800) __builtin_trap();
  f->words[0] |= type;
  note(f, 7, 12);
  const size_t at = 14;
  if (count - at < 20) __builtin_trap();
  size_t length = (size_t)(p[at] & 15) * 4;
  if (p[at] >> 4 != 4 || length < 20 || count - at < length) __builtin_trap();
  uint8_t number = p[at + 9];
  uint16_t fragment = be16(p + at + 6);
  f->layer3 |= 0x8000;
  note(f, 11, at);
  f->words[2] = be64(p + at + 12);
  f->words[7] |= (uint64_t)1 << 49 | (uint64_t)1 << 53 | (uint64_t)number << 32;
  note(f, 2, at + 9);
  f->fragment = fragment;
  size_t total = be16(p + at + 2);
  if (total < length || total > count - at) __builtin_trap();
  if (!is_right(sum(p + at, length))) __builtin_trap();
  f->validity |= 1;
  if (length > 20) f->layer3 |= 0x100;
  if (fragment & 0x3fff) __builtin_trap();
  size_t udp = at + length, left = at + total - udp;
  if (number != 17) __builtin_trap();
  note(f, 14, udp);
  f->layer4 = 0x40;
  if (left < 8) __builtin_trap();
  f->words[7] |= (uint64_t)1 << 51 | be32(p + udp);
  size_t announced = be16(p + udp + 4);
  if (announced < 8 || announced > left) __builtin_trap();
  if (be16(p + udp + 6)) {
    uint64_t check = sum(p + at + 12, 8) + __builtin_bswap16(number)
        + __builtin_bswap16((uint16_t)announced) + sum(p + udp, announced);
    f->is_verified = true;
    if (!is_right(check)) f->layer4 |= 0x10;
  }
  f->next = number;
  note(f, 15, udp + 8);
}

INLINE const rule_t *classify(const twin_receiver_t *r, const parsed_t *f) {
  for (const rule_t *rule = r->rules;; rule++) {
    const term_t *term = r->terms + rule->first_term, *end = term + rule->term_count;
    while (term < end && (f->words[term->word] & term->mask) == term->value) term++;
    if (term == end) return rule;
  }
}

/// Feeds a number's lowest bytes, each by a table of its own.
INLINE void feed(const twin_receiver_t *r, uint64_t value, int count, uint64_t *state) {
  int unused = 64 - 8 * count;
  uint64_t mixed = *state ^ __builtin_bswap64(value << unused), next = unused ? *state >> (64 - unused) : 0;
  for (int place = 0; place < count; place++)
    next ^= r->crc[count - 1 - place][(uint8_t)(mixed >> 8 * place)];
  *state = next;
}

INLINE uint64_t hash(const twin_receiver_t *r, const rule_t *rule, const parsed_t *f) {
  if (!rule->mask) return 0;
  uint64_t state = UINT64_MAX, flags = f->words[7];
  if (flags >> 50 & 1)
    for (int word = 3; word <= 6; word++) feed(r, f->words[word], 8, &state);
  else feed(r, flags >> 49 & 1 ? f->words[2] : 0x0a0a0a0a0a0a0a0a, 8, &state);
  if (!rule->has_ports) return state;
  uint32_t ports = flags >> 51 & 1 ? (uint32_t)flags : 0x0b0b0b0b;
  feed(r, (flags >> 32 & 0xff) << 32 | ports, 5, &state);
  return state;
}

/// What the MAC counts of a frame: bytes, its size, whom it is for, whether it has a tag.
INLINE void count_frame(uint8_t *counters, const wire_frame_t *frame) {
  size_t length = frame->count + 4;
  count(counters, 2048, length);
  int size = length <= 64 ? 0 : 58 - __builtin_clzl(length);
  if (size > 6) size = 6;
  if (size == 5 && length > 1518) size = 6;
  count(counters, 2096 + 8 * (size_t)size, 1);
  count(counters, frame->bytes[0] & 1 ? 2064 : 2056, 1);
  if (frame->bytes[12] == 0x81 && !frame->bytes[13]) count(counters, 2072, 1);
}

INLINE bool has_error(const parsed_t *f) {
  return f->layer2 & 0x1f || f->layer3 & 0x208 || f->layer4 & 0x10;
}

/// Brings one frame into its owner's queue.
INLINE void accept(twin_receiver_t *r, const wire_frame_t *frame, uint64_t now) {
  engine_t *e = &r->twin->engine;
  parsed_t parsed;
  parse(&parsed, frame->bytes, frame->count);
  if (frame->count > r->longest || has_error(&parsed)) __builtin_trap();
  const rule_t *rule = classify(r, &parsed);
  if (e->gone >> rule->owner & 1) __builtin_trap();
  uint64_t code = hash(r, rule, &parsed);
  uint32_t fqid = rule->base | ((uint32_t)(code & 0xffffff) & rule->mask);
  owner_t owner = e->owners[rule->owner];
  pool_t *pool = e->pools + owner.first_pool;
  if (!owner.pool_count || frame->count + 64 > pool->size || e->depleted >> (63 - pool->bpid) & 1)
    __builtin_trap();
  uint32_t buffer = acquire(pool, ENGINE);
  if (buffer == NONE) __builtin_trap();
  pool->waiting_since = 0;
  uint8_t *start = pool->memory + (size_t)buffer * pool->stride;
  store64(
      start, 16,
      (uint64_t)parsed.port << 56 | (uint64_t)parsed.layer2 << 32 | (uint64_t)parsed.layer3 << 16
          | (uint64_t)parsed.layer4 << 8);
  store64(
      start, 24,
      (uint64_t)parsed.next << 48 | (uint64_t)parsed.fragment << 16 | (uint64_t)parsed.routing << 8
          | parsed.validity);
  store64(start, 32, parsed.first);
  store64(start, 40, parsed.second);
  store64(start, 48, now);
  store64(start, 56, code);
  memcpy(start + 64, frame->bytes, frame->count);
  uint32_t status = (has_error(&parsed) ? 0x20 : 0) | (parsed.is_verified ? 4 : 0);
  frame_t descriptor = {
      pool->bpid << 48 | (address_of(pool, buffer) & 0xffffffffff),
      64 << 20 | (uint32_t)frame->count, status};
  if (!put(&e->manager, stamped(descriptor, owner.liodn), fqid)) __builtin_trap();
  if (has_error(&parsed)) __builtin_trap();
  count_frame(e->counters, frame);
}

/// Releases the burst, eight buffers with each command.
static void guest_release(twin_receiver_t *r, guest_t *guest, uint32_t buffers) {
  for (uint32_t done = 0; done < buffers;) {
    uint32_t number = buffers - done < 8 ? buffers - done : 8;
    size_t entry = B_RCR + place(r->rcr_producer, RCR_SIZE);
    for (uint32_t index = 1; index < number; index++)
      store64(guest->bman, entry + 8 * index, r->burst[done + index].frame.word0 & 0xffffffffffffff);
    uint64_t verb = 0x30 | number | polarity(r->rcr_producer, RCR_SIZE);
    release64(
        guest->bman, entry, verb << 56 | (r->burst[done].frame.word0 & 0xffffffffffffff));
    r->rcr_producer += 1;
    done += number;
  }
  count(guest->status, 96, buffers);
}

static void take_releases(engine_t *e, portal_t *p) {
  uint32_t releases = 0;
  while (releases < RCR_SIZE) {
    size_t entry = B_RCR + place(p->rcr_consumer, RCR_SIZE);
    uint64_t word = acquire64(p->bman, entry);
    uint8_t verb = (uint8_t)(word >> 56);
    if (!(verb & 0x7f) || (verb & 0x80) != polarity(p->rcr_consumer, RCR_SIZE)) break;
    uint64_t words[8] = {word};
    uint32_t number = verb & 15;
    if ((verb & 0x70) != 0x30 || !number || number > 8) __builtin_trap();
    for (uint32_t index = 1; index < number; index++) words[index] = load64(p->bman, entry + 8 * index);
    p->rcr_consumer += 1;
    for (uint32_t index = 0; index < number; index++) {
      pool_t *pool = e->pools + e->pool_index[words[index] >> 48 & 0xff];
      uint32_t buffer = buffer_at(pool, words[index] & 0xffffffffffff);
      if (buffer == NONE || !give_back(pool, buffer, holder(p->owner))) __builtin_trap();
    }
    releases += 1;
  }
  if (releases) publish_releases(p);
}

twin_receiver_t *twin_receiver_make(
    twin_t *twin, const uint8_t *bytes, const uint32_t *lengths, uint32_t frames) {
  twin_receiver_t *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->frames = calloc(frames, sizeof *r->frames);
  if (!r->frames) {
    free(r);
    return NULL;
  }
  r->twin = twin;
  r->frame_count = frames;
  r->longest = 1518;
  for (uint32_t index = 0; index < frames; index++) {
    r->frames[index] = (wire_frame_t){bytes, lengths[index]};
    bytes += lengths[index];
  }
  for (uint64_t index = 0; index < 256; index++) {
    uint64_t value = index;
    for (int bit = 0; bit < 8; bit++)
      value = value & 1 ? value >> 1 ^ 0xc96c5795d7870f42 : value >> 1;
    r->crc[0][index] = value;
  }
  for (int table = 1; table < 8; table++)
    for (int index = 0; index < 256; index++) {
      uint64_t before = r->crc[table - 1][index];
      r->crc[table][index] = r->crc[0][before & 0xff] ^ before >> 8;
    }
  // Three addresses, the third of them spread over eight queues, and everything else.
  for (uint32_t rule = 0; rule < 4; rule++) {
    r->rules[rule] = (rule_t){
        .first_term = 2 * rule, .term_count = rule < 3 ? 2 : 0, .base = rule == 2 ? 128 : 30 + rule,
        .mask = rule == 2 ? 7 : 0, .has_ports = true};
    r->terms[2 * rule] = (term_t){7, (uint64_t)1 << 49, (uint64_t)1 << 49};
    r->terms[2 * rule + 1] = (term_t){2, 0xffffffff, 0x0a000001 + rule};
  }
  for (uint32_t fqid = 128; fqid < 136; fqid++)
    twin->engine.manager.queues[fqid] =
        (queue_t){.state = TENTATIVELY, .channel = 1, .work_queue = 3};
  return r;
}

uint64_t twin_receive_frames(twin_receiver_t *r, uint64_t frames) {
  engine_t *e = &r->twin->engine;
  guest_t *guest = r->twin->guests;
  uint64_t done = 0;
  while (done < frames) {
    uint64_t now = twin_now(), bytes = 0;
    e->portals->configuration = acquire32(e->portals->registers, R_CFG);
    if ((acquire32(e->portals->bman_registers, R_CFG) & 3) != 2) __builtin_trap();
    uint32_t taken = 0;
    for (; taken < 32; taken++) {
      const wire_frame_t *frame = r->frames + r->next;
      accept(r, frame, now);
      bytes += frame->count;
      r->next = r->next + 1 == r->frame_count ? 0 : r->next + 1;
    }
    count(e->counters, 1024, taken);
    count(e->counters, 1032, bytes);
    twin_deliver(e, 0, now);
    uint32_t got = 0;
    while (got < 32 && guest_dequeue(guest, &r->burst[got])) got += 1;
    guest_publish(guest);
    if (!got) __builtin_trap();
    guest_release(r, guest, got);
    take_releases(e, e->portals);
    done += got;
  }
  return done;
}
