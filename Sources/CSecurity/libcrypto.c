#define _GNU_SOURCE
#include "unit.h"

#if __has_include(<openssl/evp.h>) && __has_include(<openssl/core_names.h>)

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"libcrypto.so.3"};

// Each function by its name, with the type that the header says.
#define FUNCTIONS(each)                                                                         \
  each(EVP_CIPHER_CTX_new) each(EVP_CIPHER_CTX_free) each(EVP_CIPHER_CTX_ctrl)                  \
  each(EVP_CIPHER_CTX_set_padding) each(EVP_CipherInit_ex) each(EVP_CipherUpdate)               \
  each(EVP_CipherFinal_ex) each(EVP_aes_128_gcm)                      \
  each(EVP_aes_192_gcm) each(EVP_aes_256_gcm) each(EVP_aes_128_cbc) each(EVP_aes_192_cbc)       \
  each(EVP_aes_256_cbc) each(EVP_MAC_fetch) each(EVP_MAC_free) each(EVP_MAC_CTX_new)            \
  each(EVP_MAC_CTX_free) each(EVP_MAC_init) each(EVP_MAC_update) each(EVP_MAC_final)            \
  each(OpenSSL_version)

struct unit {
  struct dpaac_security_unit common;
  void *library;
  EVP_MAC *hmac;
  char version[64];
#define POINTER(name) __typeof__(&name) name;
  FUNCTIONS(POINTER)
};

struct key {
  struct dpaac_security_key common;
  struct unit *unit;
  EVP_CIPHER_CTX *cipher;
  EVP_MAC_CTX *mac;
};

static void free_key(struct dpaac_security_key *common) {
  struct key *key = (struct key *)common;
  // libcrypto overwrites what its contexts hold.
  if (key->cipher) key->unit->EVP_CIPHER_CTX_free(key->cipher);
  if (key->mac) key->unit->EVP_MAC_CTX_free(key->mac);
  explicit_bzero(key, sizeof *key);
  free(key);
}

static struct dpaac_security_key *make_key(
    struct dpaac_security_unit *common, int suite, int enciphers, const uint8_t *bytes, size_t length,
    const uint8_t *authentication, size_t authentication_length) {
  struct unit *unit = (struct unit *)common;
  struct key *key = calloc(1, sizeof *key);
  if (!key) return NULL;
  key->common = (struct dpaac_security_key){.free = free_key, .suite = suite, .enciphers = enciphers};
  key->unit = unit;
  key->cipher = unit->EVP_CIPHER_CTX_new();
  const int isGCM = suite == DPAAC_SECURITY_GCM;
  const EVP_CIPHER *cipher =
      length == 16   ? (isGCM ? unit->EVP_aes_128_gcm() : unit->EVP_aes_128_cbc())
      : length == 24 ? (isGCM ? unit->EVP_aes_192_gcm() : unit->EVP_aes_192_cbc())
                     : (isGCM ? unit->EVP_aes_256_gcm() : unit->EVP_aes_256_cbc());
  int ok = key->cipher
           && unit->EVP_CipherInit_ex(key->cipher, cipher, NULL, bytes, NULL, enciphers) == 1;
  if (ok && !isGCM) {
    ok = unit->EVP_CIPHER_CTX_set_padding(key->cipher, 0) == 1;
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        {OSSL_MAC_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING, digest, sizeof digest - 1, OSSL_PARAM_UNMODIFIED},
        {NULL, 0, NULL, 0, 0}};
    // A key of no bytes must not be none.
    static const uint8_t nothing[1];
    key->mac = unit->EVP_MAC_CTX_new(unit->hmac);
    ok = ok && key->mac
         && unit->EVP_MAC_init(
                key->mac, authentication_length ? authentication : nothing, authentication_length,
                parameters)
                == 1;
  }
  if (ok) return &key->common;
  free_key(&key->common);
  return NULL;
}

static uint32_t run_gcm(struct unit *unit, struct key *key, struct dpaac_security_job *job) {
  int count = 0;
  if (unit->EVP_CipherInit_ex(key->cipher, NULL, NULL, NULL, job->iv, -1) != 1)
    return DPAAC_SECURITY_FAILED;
  if (job->authenticated_length
      && unit->EVP_CipherUpdate(
             key->cipher, NULL, &count, job->authenticated, (int)job->authenticated_length)
             != 1)
    return DPAAC_SECURITY_FAILED;
  if (job->length
      && unit->EVP_CipherUpdate(key->cipher, job->target, &count, job->source, (int)job->length) != 1)
    return DPAAC_SECURITY_FAILED;
  uint8_t end[16];
  if (key->common.enciphers) {
    return unit->EVP_CipherFinal_ex(key->cipher, end, &count) == 1
                   && unit->EVP_CIPHER_CTX_ctrl(key->cipher, EVP_CTRL_AEAD_GET_TAG, 16, job->tag) == 1
               ? 0
               : DPAAC_SECURITY_FAILED;
  }
  if (job->tag_length < 4 || job->tag_length > 16
      || unit->EVP_CIPHER_CTX_ctrl(
             key->cipher, EVP_CTRL_AEAD_SET_TAG, (int)job->tag_length, job->tag)
             != 1)
    return DPAAC_SECURITY_FAILED;
  return unit->EVP_CipherFinal_ex(key->cipher, end, &count) == 1 ? 0 : DPAAC_SECURITY_NOT_AUTHENTIC;
}

static uint32_t run_cbc(struct unit *unit, struct key *key, struct dpaac_security_job *job) {
  int count = 0;
  size_t size = 0;
  if (job->length == 0 || job->length % 16 != 0
      || job->authenticated_length > DPAAC_SECURITY_LONGEST_HMAC)
    return DPAAC_SECURITY_FAILED;
  const int enciphers = key->common.enciphers;
  // What is authenticated is what is enciphered: behind the one, before the other.
  for (int step = 0; step < 2; step++) {
    if (step == (enciphers ? 0 : 1)) {
      if (unit->EVP_CipherInit_ex(key->cipher, NULL, NULL, NULL, job->iv, -1) != 1
          || unit->EVP_CipherUpdate(key->cipher, job->target, &count, job->source, (int)job->length)
                 != 1)
        return DPAAC_SECURITY_FAILED;
    } else if (
        unit->EVP_MAC_init(key->mac, NULL, 0, NULL) != 1
        || unit->EVP_MAC_update(key->mac, job->authenticated, job->authenticated_length) != 1
        || unit->EVP_MAC_final(key->mac, job->computed, &size, sizeof job->computed) != 1) {
      return DPAAC_SECURITY_FAILED;
    }
  }
  if (enciphers) {
    memcpy(job->tag, job->computed, sizeof job->tag);
    return 0;
  }
  if (job->tag_length < 4 || job->tag_length > 32) return DPAAC_SECURITY_FAILED;
  return dpaac_security_compare(job->tag, job->computed, job->tag_length) == 0
             ? 0
             : DPAAC_SECURITY_NOT_AUTHENTIC;
}

static void run(struct dpaac_security_unit *common, struct dpaac_security_job *jobs, size_t count) {
  for (size_t place = 0; place < count; place++) {
    struct key *key = (struct key *)jobs[place].key;
    jobs[place].failure = key->common.suite == DPAAC_SECURITY_GCM
                              ? run_gcm(key->unit, key, &jobs[place])
                              : run_cbc(key->unit, key, &jobs[place]);
  }
  (void)common;
}

static void close_unit(struct dpaac_security_unit *common) {
  struct unit *unit = (struct unit *)common;
  if (unit->hmac) unit->EVP_MAC_free(unit->hmac);
  dlclose(unit->library);
  free(unit);
}

struct dpaac_security_unit *dpaac_open_libcrypto(const char **reason) {
  void *library = NULL;
  for (size_t place = 0; !library && place < sizeof names / sizeof *names; place++)
    library = dlopen(names[place], RTLD_NOW | RTLD_LOCAL);
  struct unit *unit = library ? calloc(1, sizeof *unit) : NULL;
  if (!unit) {
    *reason = "needs package libssl-dev: libcrypto.so.3 cannot be opened";
    if (library) dlclose(library);
    return NULL;
  }
  int isWhole = 1;
#define LOOK_UP(name)                                              \
  unit->name = (__typeof__(&name))dlsym(library, #name);           \
  if (!unit->name) isWhole = 0;
  FUNCTIONS(LOOK_UP)
  unit->library = library;
  if (isWhole) unit->hmac = unit->EVP_MAC_fetch(NULL, "HMAC", NULL);
  if (!unit->hmac) {
    *reason = "libcrypto.so.3 lacks what is needed of it";
    dlclose(library);
    free(unit);
    return NULL;
  }
  unit->common = (struct dpaac_security_unit){
      .make_key = make_key, .run = run, .close = close_unit, .version = unit->version};
  strncpy(unit->version, unit->OpenSSL_version(0), sizeof unit->version - 1);
  return &unit->common;
}

#else

struct dpaac_security_unit *dpaac_open_libcrypto(const char **reason) {
  *reason = "needs package libssl-dev: this was built without its headers";
  return NULL;
}

#endif
