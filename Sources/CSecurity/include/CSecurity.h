#ifndef CSECURITY_H
#define CSECURITY_H

#include <stddef.h>
#include <stdint.h>

// AES-GCM and AES-CBC with HMAC-SHA-256 by libraries that are made for it. Each is opened at run time: a
// host that lacks one builds and runs all the same, and says so.

enum {
  /// Intel's multi-buffer library (x86 only).
  DPAAC_SECURITY_IPSEC_MB = 0,
  /// OpenSSL's libcrypto.
  DPAAC_SECURITY_LIBCRYPTO = 1,
  DPAAC_SECURITY_LIBRARIES = 2,
};

enum {
  /// AES-GCM with an IV of 12 bytes and a tag of 16.
  DPAAC_SECURITY_GCM = 0,
  /// AES-CBC and HMAC-SHA-256, whose tag is all 32 bytes.
  DPAAC_SECURITY_CBC_HMAC = 1,
};

enum {
  /// The job cannot be done.
  DPAAC_SECURITY_FAILED = 1,
  /// The tag is wrong.
  DPAAC_SECURITY_NOT_AUTHENTIC = 2,
};

/// An opened library; one thread uses it.
struct dpaac_security_unit;
/// A key with all that can be computed of it beforehand, for one direction.
struct dpaac_security_key;

/// What is to be done with one frame.
struct dpaac_security_job {
  struct dpaac_security_key *_Nullable key;
  /// 12 bytes for GCM, 16 for CBC.
  const uint8_t *_Nullable iv;
  /// What is enciphered or deciphered; for CBC whole blocks, one at least.
  const uint8_t *_Nullable source;
  uint8_t *_Nullable target;
  uint32_t length;
  /// GCM: what is authenticated beside that. HMAC: all that is authenticated, in which `source` lies; who
  /// enciphers has `target` in the place of `source`.
  const uint8_t *_Nullable authenticated;
  uint32_t authenticated_length;
  /// 0 when it was done, or one of the failures.
  uint32_t failure;
  /// Deciphering: how many bytes of the tag there are, 4 to what the suite has.
  uint32_t tag_length;
  /// Enciphering: the tag that was computed, in full. Deciphering: the one that came along.
  uint8_t tag[32];
  /// Where libraries compute.
  uint8_t computed[32];
  /// For whoever makes the job: a place for the vector and what is authenticated, which no library writes.
  uint8_t nonce[32];
};

/// That place, which Swift would have as 32 numbers.
static inline uint8_t *_Nonnull dpaac_security_nonce(struct dpaac_security_job *_Nonnull job) {
  return job->nonce;
}

/// The tag, for the same reason.
static inline uint8_t *_Nonnull dpaac_security_tag(struct dpaac_security_job *_Nonnull job) {
  return job->tag;
}

/// Opens a library; `NULL` when the host or the build lacks it, with the reason.
struct dpaac_security_unit *_Nullable dpaac_security_open(
    int library, const char *_Nullable *_Nonnull reason);
void dpaac_security_close(struct dpaac_security_unit *_Nonnull unit);
/// The library's name and version.
const char *_Nonnull dpaac_security_version(const struct dpaac_security_unit *_Nonnull unit);

/// Prepares a key of 16, 24 or 32 bytes; `NULL` for another length, or for want of memory. The authentication
/// key is for HMAC only, up to 64 bytes.
struct dpaac_security_key *_Nullable dpaac_security_make_key(
    struct dpaac_security_unit *_Nonnull unit, int suite, int enciphers, const uint8_t *_Nonnull key,
    size_t length, const uint8_t *_Nullable authentication, size_t authentication_length);
/// Overwrites a key with zeros and frees it.
void dpaac_security_free_key(struct dpaac_security_key *_Nonnull key);

/// Does jobs whose keys are this unit's.
void dpaac_security_run(
    struct dpaac_security_unit *_Nonnull unit, struct dpaac_security_job *_Nonnull jobs, size_t count);

/// The longest `authenticated_length` of a job of CBC with HMAC that every library takes.
#define DPAAC_SECURITY_LONGEST_HMAC 65000

/// Compares without telling by the time it takes where two tags differ; 0 when they are equal.
int dpaac_security_compare(const uint8_t *_Nonnull left, const uint8_t *_Nonnull right, size_t count);
/// Bytes that the kernel draws, 256 at most; 0 when it has.
int dpaac_security_random(void *_Nonnull target, size_t count);
/// Overwrites memory with zeros, whatever the compiler thinks of it.
void dpaac_security_erase(void *_Nonnull memory, size_t count);

#endif
