// Hyperscan, or Vectorscan with the same interface, opened at run time: whoever links this links neither.
//
// A host whose compiler found no `hs/hs.h`, or that has no `libhs.so.5`, has everything here too; then
// `dpaac_patterns_open` says why nothing can be compiled or scanned.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// What a call came to.
enum dpaac_patterns_result {
  dpaac_patterns_ok = 0,
  /// The library does not take an expression; a sentence says why.
  dpaac_patterns_refused = 1,
  /// The compiler's child took more processor time, or more time at all, than it was given.
  dpaac_patterns_slow = 2,
  /// It wanted more memory than it was given, or the database is larger than was allowed.
  dpaac_patterns_large = 3,
  /// It ended by a signal of its own making.
  dpaac_patterns_crashed = 4,
  /// A system call failed, or the library did; a sentence says which.
  dpaac_patterns_failed = 5,
};

/// Opens the library, once for the process; `NULL` when all is well, or else a sentence that stays.
const char *dpaac_patterns_open(void);
/// The library's version as it tells it; empty before it is open.
const char *dpaac_patterns_version(void);

/// What compiling may take.
struct dpaac_pattern_limits {
  /// Memory beyond what this process has already, in bytes.
  uint64_t memory;
  /// The size of the database, in bytes.
  uint64_t database;
  /// Processor time, in seconds.
  uint32_t seconds;
  /// Time by the clock, in milliseconds: for a machine that is busy with other things.
  uint32_t patience;
};

/// Why compiling failed.
struct dpaac_pattern_error {
  /// The number of the expression, or -1 when none of them alone is to blame.
  int32_t expression;
  char message[256];
};

struct dpaac_database;
struct dpaac_scratch;
struct dpaac_stream;

/// Compiles expressions, in which `.` is any byte, into one database, in a child of this process that has the limits: what an
/// expression makes the compiler do costs nobody more than them. The library must be open.
///
/// With `streams`, what is scanned comes in pieces and matches may lie across them. `spent` is how long the child had
/// a processor, in microseconds, whatever came of it.
enum dpaac_patterns_result dpaac_patterns_compile(
  const char *const *expressions, uint32_t count, int streams,
  const struct dpaac_pattern_limits *limits, struct dpaac_database **database,
  struct dpaac_pattern_error *error, uint64_t *spent);
void dpaac_database_free(struct dpaac_database *database);
/// The state of one stream, in bytes; 0 for a database without streams.
size_t dpaac_database_stream_size(const struct dpaac_database *database);

/// What a thread needs to scan. Made for one database, it grows for others.
enum dpaac_patterns_result dpaac_scratch_grow(
  struct dpaac_scratch **scratch, const struct dpaac_database *database);
void dpaac_scratch_free(struct dpaac_scratch *scratch);

/// One match: which expression, and how many bytes of the stream lie before its end.
struct dpaac_match {
  uint64_t end;
  uint32_t pattern;
  uint32_t unused;
};

/// How many matches of subsets that are not wanted end a scan, too.
#define DPAAC_MOST_PASSED (1u << 20)

/// Where matches go.
struct dpaac_matches {
  struct dpaac_match *entries;
  /// The places of `entries`. What does not fit is counted only.
  uint32_t capacity;
  /// How many there are. A scan adds to it.
  uint32_t count;
  /// The scan ends when there would be more.
  uint32_t limit;
  /// Whether it ended for that, or for too many that were passed over.
  uint32_t over;
  /// How many were passed over, as nobody wants their subsets. A scan adds to it.
  uint32_t passed;
  /// The subsets of each expression, a bit each, and those that are wanted.
  const uint16_t *subsets;
  uint16_t wanted;
};

/// Scans bytes that are a whole.
enum dpaac_patterns_result dpaac_scan(
  const struct dpaac_database *database, const uint8_t *bytes, uint32_t size,
  struct dpaac_scratch *scratch, struct dpaac_matches *matches);

/// Begins a stream.
enum dpaac_patterns_result dpaac_stream_open(
  const struct dpaac_database *database, struct dpaac_stream **stream);
/// Scans the next bytes of a stream. After a scan that was ended for its matches, a stream finds no more.
enum dpaac_patterns_result dpaac_stream_scan(
  struct dpaac_stream *stream, const uint8_t *bytes, uint32_t size, struct dpaac_scratch *scratch,
  struct dpaac_matches *matches);
/// Ends a stream, with the matches that lie at its end, and begins it anew; without `matches` nothing of
/// what it holds is told.
enum dpaac_patterns_result dpaac_stream_reset(
  struct dpaac_stream *stream, struct dpaac_scratch *scratch, struct dpaac_matches *matches);
void dpaac_stream_free(struct dpaac_stream *stream);
