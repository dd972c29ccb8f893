#ifndef UNIT_H
#define UNIT_H

#include "CSecurity.h"

// What every library does.
struct dpaac_security_unit {
  struct dpaac_security_key *(*make_key)(
      struct dpaac_security_unit *, int suite, int enciphers, const uint8_t *key, size_t length,
      const uint8_t *authentication, size_t authentication_length);
  void (*run)(struct dpaac_security_unit *, struct dpaac_security_job *, size_t count);
  void (*close)(struct dpaac_security_unit *);
  const char *version;
};

// The first bytes of every key.
struct dpaac_security_key {
  void (*free)(struct dpaac_security_key *);
  int suite;
  int enciphers;
};

struct dpaac_security_unit *dpaac_open_ipsec_mb(const char **reason);
struct dpaac_security_unit *dpaac_open_libcrypto(const char **reason);

#endif
