#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CPatterns.h"

#if !__has_include(<hs/hs.h>)

// Without the header nothing is ever compiled, so nothing else is ever called.
const char *dpaac_patterns_open(void) {
  return "this program was built without Hyperscan's header (libhyperscan-dev or libvectorscan-dev)";
}
const char *dpaac_patterns_version(void) { return ""; }
enum dpaac_patterns_result dpaac_patterns_compile(
  const char *const *expressions, uint32_t count, int streams,
  const struct dpaac_pattern_limits *limits, struct dpaac_database **database,
  struct dpaac_pattern_error *error, uint64_t *spent) {
  (void)expressions, (void)count, (void)streams, (void)limits, (void)database;
  error->expression = -1;
  error->message[0] = 0;
  *spent = 0;
  return dpaac_patterns_failed;
}
void dpaac_database_free(struct dpaac_database *database) { (void)database; }
size_t dpaac_database_stream_size(const struct dpaac_database *database) {
  return (void)database, 0;
}
enum dpaac_patterns_result dpaac_scratch_grow(
  struct dpaac_scratch **scratch, const struct dpaac_database *database) {
  (void)scratch, (void)database;
  return dpaac_patterns_failed;
}
void dpaac_scratch_free(struct dpaac_scratch *scratch) { (void)scratch; }
enum dpaac_patterns_result dpaac_scan(
  const struct dpaac_database *database, const uint8_t *bytes, uint32_t size,
  struct dpaac_scratch *scratch, struct dpaac_matches *matches) {
  (void)database, (void)bytes, (void)size, (void)scratch, (void)matches;
  return dpaac_patterns_failed;
}
enum dpaac_patterns_result dpaac_stream_open(
  const struct dpaac_database *database, struct dpaac_stream **stream) {
  (void)database, (void)stream;
  return dpaac_patterns_failed;
}
enum dpaac_patterns_result dpaac_stream_scan(
  struct dpaac_stream *stream, const uint8_t *bytes, uint32_t size, struct dpaac_scratch *scratch,
  struct dpaac_matches *matches) {
  (void)stream, (void)bytes, (void)size, (void)scratch, (void)matches;
  return dpaac_patterns_failed;
}
enum dpaac_patterns_result dpaac_stream_reset(
  struct dpaac_stream *stream, struct dpaac_scratch *scratch, struct dpaac_matches *matches) {
  (void)stream, (void)scratch, (void)matches;
  return dpaac_patterns_failed;
}
void dpaac_stream_free(struct dpaac_stream *stream) { (void)stream; }

#else

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hs/hs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// MARK: the library

// The functions that are used, each with the header's own type. No symbol of the library is linked.
static struct {
  __typeof__(&hs_version) version;
  __typeof__(&hs_valid_platform) valid_platform;
  __typeof__(&hs_compile_multi) compile_multi;
  __typeof__(&hs_free_compile_error) free_compile_error;
  __typeof__(&hs_free_database) free_database;
  __typeof__(&hs_stream_size) stream_size;
  __typeof__(&hs_serialize_database) serialize_database;
  __typeof__(&hs_deserialize_database) deserialize_database;
  __typeof__(&hs_alloc_scratch) alloc_scratch;
  __typeof__(&hs_free_scratch) free_scratch;
  __typeof__(&hs_scan) scan;
  __typeof__(&hs_open_stream) open_stream;
  __typeof__(&hs_scan_stream) scan_stream;
  __typeof__(&hs_reset_stream) reset_stream;
  __typeof__(&hs_close_stream) close_stream;
} hs;

static pthread_once_t opened = PTHREAD_ONCE_INIT;
static char reason[256];

static void open_library(void) {
  // Bound now, so that a child has nothing to look up.
  void *library = dlopen("libhs.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *why = dlerror();
    snprintf(reason, sizeof(reason), "Hyperscan is not here (package libhyperscan5 or libvectorscan5): %s",
             why ? why : "libhs.so.5 cannot be opened");
    return;
  }
#define TAKE(name)                                                                       \
  do {                                                                                   \
    hs.name = (__typeof__(hs.name))dlsym(library, "hs_" #name);                          \
    if (hs.name == NULL && reason[0] == 0)                                               \
      snprintf(reason, sizeof(reason), "libhs.so.5 has no function hs_%s", #name);       \
  } while (0)
  TAKE(version);
  TAKE(valid_platform);
  TAKE(compile_multi);
  TAKE(free_compile_error);
  TAKE(free_database);
  TAKE(stream_size);
  TAKE(serialize_database);
  TAKE(deserialize_database);
  TAKE(alloc_scratch);
  TAKE(free_scratch);
  TAKE(scan);
  TAKE(open_stream);
  TAKE(scan_stream);
  TAKE(reset_stream);
  TAKE(close_stream);
#undef TAKE
  if (reason[0] == 0 && hs.valid_platform() != HS_SUCCESS)
    snprintf(reason, sizeof(reason), "Hyperscan does not run on this processor");
}

const char *dpaac_patterns_open(void) {
  pthread_once(&opened, open_library);
  return reason[0] ? reason : NULL;
}

const char *dpaac_patterns_version(void) { return hs.version ? hs.version() : ""; }

// MARK: compiling

// What the child leaves in the memory that both see; the serialised database lies behind it.
struct answer {
  uint32_t result;
  int32_t expression;
  uint64_t size;
  char message[256];
};

// What this process has of private memory, in bytes: the limit counts all of it (setrlimit(2),
// RLIMIT_DATA; Linux 6.1, mm/mmap.c, may_expand_vm). The sixth number of statm is data and stack, in
// pages (proc(5)).
static uint64_t private_memory(void) {
  char text[160];
  int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof(text) - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  unsigned long long pages = 0;
  if (sscanf(text, "%*s %*s %*s %*s %*s %llu", &pages) != 1) return 0;
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct job {
  const char *const *expressions;
  const unsigned *flags;
  const unsigned *ids;
  uint32_t count;
  int streams;
  const struct dpaac_pattern_limits *limits;
  int memory;
  pid_t parent;
};

static void write_all(int file, const void *bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t written = pwrite(file, (const char *)bytes + done, size - done, (off_t)done);
    if (written <= 0) _exit(1);
    done += (size_t)written;
  }
}

// All that the child does. Only the library, the allocator and system calls are used: this process may
// have had other threads, whose locks nobody will ever open here. (The C library mends the allocator's.)
static _Noreturn void work(const struct job *job) {
  // No end of its parent's leaves it behind; and nothing of the parent's stays open for its sake.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != job->parent) _exit(1);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_DUMPABLE, 0);
  if (job->memory > 0) syscall(SYS_close_range, 0u, (unsigned)job->memory - 1, 0u);
  syscall(SYS_close_range, (unsigned)job->memory + 1, ~0u, 0u);

  struct answer answer = {.result = dpaac_patterns_failed, .expression = -1};
  const struct dpaac_pattern_limits *limits = job->limits;
  const uint64_t memory = limits->memory + private_memory();
  const struct rlimit data = {memory, memory};
  const struct rlimit processor = {limits->seconds, limits->seconds};
  const struct rlimit file = {limits->database + 4096, limits->database + 4096};
  const struct rlimit none_at_all = {0, 0};
  if (setrlimit(RLIMIT_DATA, &data) != 0 || setrlimit(RLIMIT_CPU, &processor) != 0 ||
      setrlimit(RLIMIT_FSIZE, &file) != 0 || setrlimit(RLIMIT_CORE, &none_at_all) != 0) {
    snprintf(answer.message, sizeof(answer.message), "setrlimit: %s", strerror(errno));
    write_all(job->memory, &answer, sizeof(answer));
    _exit(0);
  }

  hs_database_t *database = NULL;
  hs_compile_error_t *error = NULL;
  unsigned mode = job->streams ? HS_MODE_STREAM : HS_MODE_BLOCK;
  hs_error_t result = hs.compile_multi(
    job->expressions, job->flags, job->ids, job->count, mode, NULL, &database, &error);
  if (result != HS_SUCCESS) {
    const char *message = error && error->message ? error->message : "no reason given";
    // The library's own words for memory that it did not get.
    int is_memory = result == HS_NOMEM || strstr(message, "allocate memory") != NULL;
    answer.result = is_memory ? dpaac_patterns_large : dpaac_patterns_refused;
    answer.expression = error ? error->expression : -1;
    snprintf(answer.message, sizeof(answer.message), "%s", message);
    write_all(job->memory, &answer, sizeof(answer));
    _exit(0);
  }
  char *bytes = NULL;
  size_t size = 0;
  if (hs.serialize_database(database, &bytes, &size) != HS_SUCCESS ||
      size + sizeof(answer) > limits->database) {
    answer.result = dpaac_patterns_large;
    write_all(job->memory, &answer, sizeof(answer));
    _exit(0);
  }
  size_t done = 0;
  while (done < size) {
    ssize_t written =
      pwrite(job->memory, bytes + done, size - done, (off_t)(sizeof(answer) + done));
    if (written <= 0) _exit(1);
    done += (size_t)written;
  }
  answer.result = dpaac_patterns_ok;
  answer.size = size;
  write_all(job->memory, &answer, sizeof(answer));
  _exit(0);
}

static void explain(struct dpaac_pattern_error *error, const char *call) {
  snprintf(error->message, sizeof(error->message), "%s: %s", call, strerror(errno));
}

static uint64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Waits for the child's end, no longer than it was given; -1 when it was ended for that. In any case `spent` is how
// long it had a processor, in microseconds.
static int await(pid_t child, uint32_t patience, int *status, uint64_t *spent) {
  int descriptor = (int)syscall(SYS_pidfd_open, child, 0);
  uint64_t deadline = milliseconds() + patience;
  int is_late = 0;
  struct rusage usage;
  memset(&usage, 0, sizeof(usage));
  for (;;) {
    pid_t found = wait4(child, status, WNOHANG, &usage);
    if (found == child || (found < 0 && errno != EINTR)) break;
    uint64_t now = milliseconds();
    if (now >= deadline) {
      is_late = 1;
      kill(child, SIGKILL);
      while (wait4(child, status, 0, &usage) < 0 && errno == EINTR) {}
      break;
    }
    // Without such a descriptor (before Linux 5.3) the same wait looks every few milliseconds.
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    int time = (int)(deadline - now);
    poll(&wait, 1, descriptor < 0 && time > 5 ? 5 : time);
  }
  if (descriptor >= 0) close(descriptor);
  *spent = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  return is_late ? -1 : 0;
}

// Takes what the child left.
static enum dpaac_patterns_result take(
  int memory, const struct dpaac_pattern_limits *limits, struct dpaac_database **database,
  struct dpaac_pattern_error *error) {
  struct answer answer;
  if (pread(memory, &answer, sizeof(answer), 0) != (ssize_t)sizeof(answer))
    return dpaac_patterns_crashed;
  answer.message[sizeof(answer.message) - 1] = 0;
  memcpy(error->message, answer.message, sizeof(error->message));
  error->expression = answer.expression;
  if (answer.result != dpaac_patterns_ok)
    return answer.result <= dpaac_patterns_failed ? (enum dpaac_patterns_result)answer.result
                                                  : dpaac_patterns_crashed;
  struct stat facts;
  if (fstat(memory, &facts) != 0 || answer.size > limits->database ||
      (uint64_t)facts.st_size != answer.size + sizeof(answer))
    return dpaac_patterns_crashed;
  void *bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, memory, 0);
  if (bytes == MAP_FAILED) {
    explain(error, "mmap");
    return dpaac_patterns_failed;
  }
  hs_database_t *found = NULL;
  // It checks version, platform and a sum over all of the database.
  hs_error_t result =
    hs.deserialize_database((const char *)bytes + sizeof(answer), (size_t)answer.size, &found);
  munmap(bytes, (size_t)facts.st_size);
  if (result == HS_NOMEM) return dpaac_patterns_large;
  if (result != HS_SUCCESS) {
    snprintf(error->message, sizeof(error->message), "hs_deserialize_database: %d", result);
    return dpaac_patterns_failed;
  }
  *database = (struct dpaac_database *)found;
  return dpaac_patterns_ok;
}

static enum dpaac_patterns_result compile_in_child(
  struct job *job, struct dpaac_database **database, struct dpaac_pattern_error *error,
  uint64_t *spent) {
  job->memory = memfd_create("patterns", MFD_CLOEXEC);
  if (job->memory < 0) {
    explain(error, "memfd_create");
    return dpaac_patterns_failed;
  }
  job->parent = getpid();
  // No signal handler of this process runs in the child before it has put them all away.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) work(job);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  enum dpaac_patterns_result result = dpaac_patterns_failed;
  int status = 0;
  if (child < 0) {
    explain(error, "fork");
  } else if (await(child, job->limits->patience, &status, spent) != 0) {
    result = dpaac_patterns_slow;
  } else if (WIFSIGNALED(status)) {
    // The kernel ends who has used its processor time (getrlimit(2)): hard and soft limit are one.
    int number = WTERMSIG(status);
    if (number == SIGXCPU || number == SIGKILL) result = dpaac_patterns_slow;
    else if (number == SIGXFSZ) result = dpaac_patterns_large;
    else result = dpaac_patterns_crashed;
  } else if (WEXITSTATUS(status) != 0) {
    result = dpaac_patterns_crashed;
  } else {
    result = take(job->memory, job->limits, database, error);
  }
  close(job->memory);
  return result;
}

enum dpaac_patterns_result dpaac_patterns_compile(
  const char *const *expressions, uint32_t count, int streams,
  const struct dpaac_pattern_limits *limits, struct dpaac_database **database,
  struct dpaac_pattern_error *error, uint64_t *spent) {
  error->expression = -1;
  error->message[0] = 0;
  *spent = 0;
  *database = NULL;
  unsigned *flags = calloc(count, sizeof(*flags));
  unsigned *ids = calloc(count, sizeof(*ids));
  enum dpaac_patterns_result result = dpaac_patterns_failed;
  if (count > 0 && flags && ids) {
    for (uint32_t i = 0; i < count; i++) {
      flags[i] = HS_FLAG_DOTALL;
      ids[i] = i;
    }
    struct job job = {
      .expressions = expressions, .flags = flags, .ids = ids, .count = count, .streams = streams,
      .limits = limits,
    };
    result = compile_in_child(&job, database, error, spent);
  } else {
    snprintf(error->message, sizeof(error->message), "no patterns, or no memory for their list");
  }
  free(flags);
  free(ids);
  return result;
}

// MARK: databases and scratch

#define DATABASE(pointer) ((hs_database_t *)(void *)(uintptr_t)(pointer))
#define SCRATCH(pointer) ((hs_scratch_t *)(void *)(uintptr_t)(pointer))
#define STREAM(pointer) ((hs_stream_t *)(void *)(uintptr_t)(pointer))

void dpaac_database_free(struct dpaac_database *database) { hs.free_database(DATABASE(database)); }

size_t dpaac_database_stream_size(const struct dpaac_database *database) {
  size_t size = 0;
  return hs.stream_size(DATABASE(database), &size) == HS_SUCCESS ? size : 0;
}

enum dpaac_patterns_result dpaac_scratch_grow(
  struct dpaac_scratch **scratch, const struct dpaac_database *database) {
  hs_scratch_t *place = SCRATCH(*scratch);
  hs_error_t result = hs.alloc_scratch(DATABASE(database), &place);
  *scratch = (struct dpaac_scratch *)place;
  if (result == HS_SUCCESS) return dpaac_patterns_ok;
  return result == HS_NOMEM ? dpaac_patterns_large : dpaac_patterns_failed;
}

void dpaac_scratch_free(struct dpaac_scratch *scratch) { hs.free_scratch(SCRATCH(scratch)); }

// MARK: scanning

static int on_match(
  unsigned pattern, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
  (void)from, (void)flags;
  struct dpaac_matches *matches = context;
  if ((matches->subsets[pattern] & matches->wanted) == 0) {
    // The library looks for all patterns: what nobody wants takes time, too, and must come to an end.
    if (++matches->passed < DPAAC_MOST_PASSED) return 0;
    matches->over = 1;
    return 1;
  }
  if (matches->count >= matches->limit) {
    matches->over = 1;
    return 1;
  }
  if (matches->count < matches->capacity)
    matches->entries[matches->count] = (struct dpaac_match){.end = to, .pattern = pattern};
  matches->count++;
  return 0;
}

static enum dpaac_patterns_result outcome(hs_error_t result) {
  return result == HS_SUCCESS || result == HS_SCAN_TERMINATED ? dpaac_patterns_ok
                                                              : dpaac_patterns_failed;
}

enum dpaac_patterns_result dpaac_scan(
  const struct dpaac_database *database, const uint8_t *bytes, uint32_t size,
  struct dpaac_scratch *scratch, struct dpaac_matches *matches) {
  return outcome(hs.scan(
    DATABASE(database), (const char *)bytes, size, 0, SCRATCH(scratch), on_match, matches));
}

enum dpaac_patterns_result dpaac_stream_open(
  const struct dpaac_database *database, struct dpaac_stream **stream) {
  hs_stream_t *place = NULL;
  hs_error_t result = hs.open_stream(DATABASE(database), 0, &place);
  *stream = (struct dpaac_stream *)place;
  if (result == HS_SUCCESS) return dpaac_patterns_ok;
  return result == HS_NOMEM ? dpaac_patterns_large : dpaac_patterns_failed;
}

enum dpaac_patterns_result dpaac_stream_scan(
  struct dpaac_stream *stream, const uint8_t *bytes, uint32_t size, struct dpaac_scratch *scratch,
  struct dpaac_matches *matches) {
  return outcome(hs.scan_stream(
    STREAM(stream), (const char *)bytes, size, 0, SCRATCH(scratch), on_match, matches));
}

enum dpaac_patterns_result dpaac_stream_reset(
  struct dpaac_stream *stream, struct dpaac_scratch *scratch, struct dpaac_matches *matches) {
  return outcome(hs.reset_stream(
    STREAM(stream), 0, matches ? SCRATCH(scratch) : NULL, matches ? on_match : NULL, matches));
}

void dpaac_stream_free(struct dpaac_stream *stream) {
  hs.close_stream(STREAM(stream), NULL, NULL, NULL);
}

#endif
