#define _GNU_SOURCE
#include "unit.h"

#if __has_include(<intel-ipsec-mb.h>)

#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

// The manager's layout is part of the library's ABI, whose number is the soname's.
static const char *const names[] = {"libIPSec_MB.so.1"};

struct unit {
  struct dpaac_security_unit common;
  void *library;
  IMB_MGR *manager;
  __typeof__(&free_mb_mgr) free_manager;
  char version[48];
};

struct key {
  struct dpaac_security_key common;
  IMB_MGR *manager;
  size_t length;
  union {
    struct gcm_key_data gcm;
    struct {
      _Alignas(64) uint8_t enciphering[16 * 15];
      _Alignas(64) uint8_t deciphering[16 * 15];
      _Alignas(16) uint8_t inner[32];
      _Alignas(16) uint8_t outer[32];
    } cbc;
  };
};

static void free_key(struct dpaac_security_key *common) {
  explicit_bzero(common, sizeof(struct key));
  free(common);
}

static void hash_pad(IMB_MGR *manager, uint8_t byte, const uint8_t *key, size_t length, uint8_t *hash) {
  _Alignas(16) uint8_t block[64];
  memset(block, byte, sizeof block);
  for (size_t place = 0; place < length; place++) block[place] ^= key[place];
  IMB_SHA256_ONE_BLOCK(manager, block, hash);
  explicit_bzero(block, sizeof block);
}

static struct dpaac_security_key *make_key(
    struct dpaac_security_unit *common, int suite, int enciphers, const uint8_t *bytes, size_t length,
    const uint8_t *authentication, size_t authentication_length) {
  IMB_MGR *manager = ((struct unit *)common)->manager;
  struct key *key = aligned_alloc(64, (sizeof(struct key) + 63) & ~(size_t)63);
  if (!key) return NULL;
  memset(key, 0, sizeof *key);
  key->common = (struct dpaac_security_key){.free = free_key, .suite = suite, .enciphers = enciphers};
  key->manager = manager;
  key->length = length;
  if (suite == DPAAC_SECURITY_GCM) {
    switch (length) {
      case 16: IMB_AES128_GCM_PRE(manager, bytes, &key->gcm); break;
      case 24: IMB_AES192_GCM_PRE(manager, bytes, &key->gcm); break;
      default: IMB_AES256_GCM_PRE(manager, bytes, &key->gcm); break;
    }
    return &key->common;
  }
  switch (length) {
    case 16: IMB_AES_KEYEXP_128(manager, bytes, key->cbc.enciphering, key->cbc.deciphering); break;
    case 24: IMB_AES_KEYEXP_192(manager, bytes, key->cbc.enciphering, key->cbc.deciphering); break;
    default: IMB_AES_KEYEXP_256(manager, bytes, key->cbc.enciphering, key->cbc.deciphering); break;
  }
  hash_pad(manager, 0x36, authentication, authentication_length, key->cbc.inner);
  hash_pad(manager, 0x5c, authentication, authentication_length, key->cbc.outer);
  return &key->common;
}

// Gives the tag out, or compares it.
static void settle(struct dpaac_security_job *job, int enciphers, size_t size) {
  job->failure = 0;
  if (enciphers) {
    memcpy(job->tag, job->computed, size);
  } else if (job->tag_length < 4 || job->tag_length > size) {
    job->failure = DPAAC_SECURITY_FAILED;
  } else if (dpaac_security_compare(job->tag, job->computed, job->tag_length) != 0) {
    job->failure = DPAAC_SECURITY_NOT_AUTHENTIC;
  }
}

static void run_gcm(IMB_MGR *manager, struct key *key, struct dpaac_security_job *job) {
  struct gcm_context_data context;
  aes_gcm_enc_dec_t work;
  if (key->common.enciphers) {
    work = key->length == 16   ? manager->gcm128_enc
           : key->length == 24 ? manager->gcm192_enc
                               : manager->gcm256_enc;
  } else {
    work = key->length == 16   ? manager->gcm128_dec
           : key->length == 24 ? manager->gcm192_dec
                               : manager->gcm256_dec;
  }
  if (key->common.enciphers) {
    work(
        &key->gcm, &context, job->target, job->source, job->length, job->iv, job->authenticated,
        job->authenticated_length, job->tag, 16);
    job->failure = 0;
    return;
  }
  work(
      &key->gcm, &context, job->target, job->source, job->length, job->iv, job->authenticated,
      job->authenticated_length, job->computed, 16);
  settle(job, 0, 16);
}

static void finish(const IMB_JOB *done) {
  struct dpaac_security_job *job = done->user_data;
  if (done->status == IMB_STATUS_COMPLETED) settle(job, job->key->enciphers, 32);
}

static void submit_cbc(IMB_MGR *manager, struct key *key, struct dpaac_security_job *job) {
  job->failure = DPAAC_SECURITY_FAILED;
  if (job->length == 0 || job->length % 16 != 0
      || job->authenticated_length > DPAAC_SECURITY_LONGEST_HMAC)
    return;
  IMB_JOB *next = IMB_GET_NEXT_JOB(manager);
  next->cipher_mode = IMB_CIPHER_CBC;
  next->hash_alg = IMB_AUTH_HMAC_SHA_256;
  next->cipher_direction = key->common.enciphers ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
  next->chain_order = key->common.enciphers ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  next->enc_keys = key->cbc.enciphering;
  next->dec_keys = key->cbc.deciphering;
  next->key_len_in_bytes = key->length;
  next->src = job->authenticated;
  next->dst = job->target;
  next->cipher_start_src_offset_in_bytes = (uint64_t)(job->source - job->authenticated);
  next->msg_len_to_cipher_in_bytes = job->length;
  next->hash_start_src_offset_in_bytes = 0;
  next->msg_len_to_hash_in_bytes = job->authenticated_length;
  next->iv = job->iv;
  next->iv_len_in_bytes = 16;
  next->auth_tag_output = job->computed;
  next->auth_tag_output_len_in_bytes = 32;
  next->u.HMAC._hashed_auth_key_xor_ipad = key->cbc.inner;
  next->u.HMAC._hashed_auth_key_xor_opad = key->cbc.outer;
  next->user_data = job;
  for (IMB_JOB *done = IMB_SUBMIT_JOB_NOCHECK(manager); done; done = IMB_GET_COMPLETED_JOB(manager))
    finish(done);
}

static void run(struct dpaac_security_unit *common, struct dpaac_security_job *jobs, size_t count) {
  IMB_MGR *manager = ((struct unit *)common)->manager;
  int waiting = 0;
  for (size_t place = 0; place < count; place++) {
    struct key *key = (struct key *)jobs[place].key;
    if (key->common.suite == DPAAC_SECURITY_GCM) {
      run_gcm(manager, key, &jobs[place]);
    } else {
      submit_cbc(manager, key, &jobs[place]);
      waiting = 1;
    }
  }
  if (!waiting) return;
  for (IMB_JOB *done = IMB_FLUSH_JOB(manager); done; done = IMB_FLUSH_JOB(manager)) finish(done);
}

static void close_unit(struct dpaac_security_unit *common) {
  struct unit *unit = (struct unit *)common;
  unit->free_manager(unit->manager);
  dlclose(unit->library);
  free(unit);
}

struct dpaac_security_unit *dpaac_open_ipsec_mb(const char **reason) {
  void *library = NULL;
  for (size_t place = 0; !library && place < sizeof names / sizeof *names; place++)
    library = dlopen(names[place], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    *reason = "needs package libipsec-mb-dev: libIPSec_MB.so.1 cannot be opened";
    return NULL;
  }
  __typeof__(&alloc_mb_mgr) allocate = (__typeof__(&alloc_mb_mgr))dlsym(library, "alloc_mb_mgr");
  __typeof__(&free_mb_mgr) release = (__typeof__(&free_mb_mgr))dlsym(library, "free_mb_mgr");
  __typeof__(&init_mb_mgr_auto) initialize =
      (__typeof__(&init_mb_mgr_auto))dlsym(library, "init_mb_mgr_auto");
  __typeof__(&imb_get_version) number = (__typeof__(&imb_get_version))dlsym(library, "imb_get_version");
  struct unit *unit = calloc(1, sizeof *unit);
  // A newer one may have moved what the manager's structure holds.
  if (!allocate || !release || !initialize || !number || !unit
      || number() >> 8 != IMB_VERSION_NUM >> 8) {
    *reason = "libIPSec_MB.so.1 is another version than the one that this was built with";
    free(unit);
    dlclose(library);
    return NULL;
  }
  IMB_ARCH architecture = IMB_ARCH_NONE;
  IMB_MGR *manager = allocate(0);
  if (manager) initialize(manager, &architecture);
  if (!manager || architecture < IMB_ARCH_SSE) {
    *reason = "libIPSec_MB.so.1 has no code for this processor";
    if (manager) release(manager);
    free(unit);
    dlclose(library);
    return NULL;
  }
  unit->common = (struct dpaac_security_unit){
      .make_key = make_key, .run = run, .close = close_unit, .version = unit->version};
  unit->library = library;
  unit->manager = manager;
  unit->free_manager = release;
  strcpy(unit->version, "intel-ipsec-mb " IMB_VERSION_STR);
  return &unit->common;
}

#else

struct dpaac_security_unit *dpaac_open_ipsec_mb(const char **reason) {
  *reason = "needs package libipsec-mb-dev: this was built without its header";
  return NULL;
}

#endif
