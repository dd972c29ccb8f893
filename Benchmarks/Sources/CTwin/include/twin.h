// The C twin of dpaac's engine and guest library: the same memory, the same steps, written in C. It
// serves the benchmark only, as what the Swift code is measured by.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Two owners with a portal and a pool each, a link either way, and the engine between them.
typedef struct twin twin_t;

/// Makes one with rings of `ring` entries and pools of `buffers` buffers, in memory that survives a
/// fork; NULL for want of memory.
twin_t *_Nullable twin_make(uint32_t ring, uint32_t buffers);
void twin_unmake(twin_t *_Nonnull twin);

/// Has each guest send `frames` frames of `length` bytes, which then go round for ever.
void twin_fill(twin_t *_Nonnull twin, uint32_t frames, uint32_t length);

// Each kernel handles about as many frames as it is asked for and returns how many.

/// Guest writes enqueue entries, engine takes and checks them; engine writes dequeue entries, guest
/// reads them. No queue is between.
uint64_t twin_rings(twin_t *_Nonnull twin, uint64_t frames);
/// Buffers are acquired, and released by address.
uint64_t twin_pools(twin_t *_Nonnull twin, uint64_t buffers);
/// Frames are copied from one pool to another.
uint64_t twin_copies(twin_t *_Nonnull twin, uint64_t frames, uint32_t length);
/// Both guests send back what they get, and the engine runs its rounds: the whole path.
uint64_t twin_path(twin_t *_Nonnull twin, uint64_t frames);

/// A wire into the first owner's queues: rules, hash, and what is behind them.
typedef struct twin_receiver twin_receiver_t;
/// Makes one of frames that stand behind each other and arrive by turns for ever; NULL for want of memory.
twin_receiver_t *_Nullable twin_receiver_make(
    twin_t *_Nonnull twin, const uint8_t *_Nonnull bytes, const uint32_t *_Nonnull lengths,
    uint32_t frames);
/// Frames from the wire are parsed, classified, copied, enqueued and dequeued, in bursts of 32, and their
/// buffers come back.
uint64_t twin_receive_frames(twin_receiver_t *_Nonnull receiver, uint64_t frames);

/// A queue manager alone, with so many queues on one channel.
typedef struct twin_manager twin_manager_t;
twin_manager_t *_Nullable twin_manager_make(uint32_t queues, uint32_t frames);
void twin_manager_unmake(twin_manager_t *_Nonnull manager);
/// Frames enter queues chosen at random and leave them as scheduled, in bursts of 32.
uint64_t twin_queues(twin_manager_t *_Nonnull manager, uint64_t frames, uint64_t *_Nonnull random);

/// Looks up IPv4 addresses, a power of two of them by turns and 32 at a time, in a table of
/// `IPv4PrefixTable`'s layout, and adds the values that were found to `sum`; where the table is large, it
/// looks ahead over the 32.
uint64_t twin_routes(
    const void *_Nonnull table, const uint32_t *_Nonnull addresses, uint64_t address_count,
    uint64_t count, bool is_large, uint64_t *_Nonnull sum);

/// Nanoseconds of a round trip of one cache line between processes on two CPUs: the median of `rounds`
/// round trips and the 99th of a hundred; false when the processes cannot be made.
bool twin_bounce(int cpu, int other, uint32_t rounds, double *_Nonnull median, double *_Nonnull late);

/// Runs engine and guests as two processes for `milliseconds`, and says how many frames the guests
/// got in a second of that; 0 when it cannot be done. Who has nothing to do yields if `yields` says
/// so, and polls on otherwise.
double twin_run(
    twin_t *_Nonnull twin, int engine_cpu, int guest_cpu, uint32_t milliseconds, bool yields);

/// Binds the calling thread to a CPU, or with -1 to none.
bool twin_pin(int cpu);
