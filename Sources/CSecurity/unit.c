#define _GNU_SOURCE
#include "unit.h"

#include <string.h>
#include <sys/random.h>

struct dpaac_security_unit *dpaac_security_open(int library, const char **reason) {
  *reason = NULL;
  switch (library) {
    case DPAAC_SECURITY_IPSEC_MB: return dpaac_open_ipsec_mb(reason);
    case DPAAC_SECURITY_LIBCRYPTO: return dpaac_open_libcrypto(reason);
    default: *reason = "there is no such library"; return NULL;
  }
}

void dpaac_security_close(struct dpaac_security_unit *unit) { unit->close(unit); }

const char *dpaac_security_version(const struct dpaac_security_unit *unit) { return unit->version; }

struct dpaac_security_key *dpaac_security_make_key(
    struct dpaac_security_unit *unit, int suite, int enciphers, const uint8_t *key, size_t length,
    const uint8_t *authentication, size_t authentication_length) {
  if (length != 16 && length != 24 && length != 32) return NULL;
  if (suite == DPAAC_SECURITY_CBC_HMAC) {
    if (!authentication || authentication_length > 64) return NULL;
  } else if (suite != DPAAC_SECURITY_GCM) {
    return NULL;
  }
  return unit->make_key(
      unit, suite, enciphers, key, length, authentication, authentication_length);
}

void dpaac_security_free_key(struct dpaac_security_key *key) { key->free(key); }

void dpaac_security_run(
    struct dpaac_security_unit *unit, struct dpaac_security_job *jobs, size_t count) {
  unit->run(unit, jobs, count);
}

int dpaac_security_compare(const uint8_t *left, const uint8_t *right, size_t count) {
  volatile uint8_t difference = 0;
  for (size_t place = 0; place < count; place++) difference |= left[place] ^ right[place];
  return difference;
}

int dpaac_security_random(void *target, size_t count) {
  return getrandom(target, count, 0) == (ssize_t)count ? 0 : 1;
}

void dpaac_security_erase(void *memory, size_t count) { explicit_bzero(memory, count); }
