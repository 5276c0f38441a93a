// A bounded queue for many writers in many processes and one reader, after
// Dmitry Vyukov's bounded MPMC queue: each slot carries a number that says whose
// turn it is, counted from the first position of the round that the ring is in.
//
//   turn == round       free: a writer whose position this is may claim it
//   turn == round + 1   written: the reader may take it
//
// Counted so, and not from 0 as in the original, the ring begins as zeros: a file's
// pages of them cost nothing until they are used.
//
// A writer claims by moving `head`, fills the slot, and publishes by moving the
// slot's turn. Two things differ from the original, because a writer can be
// killed between claim and publication:
//
//   - the reader may abandon such a slot. It is retired for good, since its
//     writer may only be stopped and write into it later; positions that fall on
//     a retired slot are skipped by everyone.
//   - a writer publishes with a compare-and-exchange, which fails once the slot
//     has been abandoned.
//
// Positions are 32 bits wide and wrap around: 64-bit atomics would be library
// calls on i386.

#include "SocketEvents.h"

#define RING_MAGIC 0x7a70746du /* "mtpz" */
#define RING_VERSION 2u
#define SLOT_MASK (MPTCPIZE_RING_SLOTS - 1)
#define CACHE_LINE 64

/* A writer that loses this many races in a row drops its record rather than go on. */
#define CLAIM_ATTEMPTS 4096

struct slot {
  uint32_t turn;
  uint32_t retired;
  struct mptcpize_event event;
};

struct mptcpize_ring {
  uint32_t magic, version, slot_count, slot_size;
  _Alignas(CACHE_LINE) uint32_t head;  // next position to claim; writers
  _Alignas(CACHE_LINE) uint32_t tail;  // next position to take; the reader
  _Alignas(CACHE_LINE) uint32_t dropped;
  _Alignas(CACHE_LINE) struct slot slots[MPTCPIZE_RING_SLOTS];
};

_Static_assert((MPTCPIZE_RING_SLOTS & SLOT_MASK) == 0, "a power of two");
_Static_assert(sizeof(struct mptcpize_address) == 24, "the same on every architecture");
_Static_assert(offsetof(struct mptcpize_event, inode) == 24, "the same on every architecture");
_Static_assert(sizeof(struct mptcpize_event) == 128, "the same on every architecture");
_Static_assert(sizeof(struct slot) == 136, "the same on every architecture");

// Of a position: the first one of its round.
#define ROUND(position) ((position) & ~(uint32_t)SLOT_MASK)

#define LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

static bool exchange(uint32_t *word, uint32_t expected, uint32_t desired) {
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}

size_t mptcpize_ring_size(void) { return sizeof(struct mptcpize_ring); }

void mptcpize_ring_format(struct mptcpize_ring *ring) {
  ring->version = RING_VERSION;
  ring->slot_count = MPTCPIZE_RING_SLOTS;
  ring->slot_size = sizeof(struct slot);
  STORE(&ring->magic, RING_MAGIC);
}

bool mptcpize_ring_valid(const struct mptcpize_ring *ring, size_t size) {
  return size >= sizeof *ring && LOAD(&ring->magic) == RING_MAGIC &&
         ring->version == RING_VERSION && ring->slot_count == MPTCPIZE_RING_SLOTS &&
         ring->slot_size == sizeof(struct slot);
}

void mptcpize_ring_end(struct mptcpize_ring *ring) { STORE(&ring->magic, 0); }

bool mptcpize_ring_is_read(const struct mptcpize_ring *ring) {
  return LOAD(&ring->magic) == RING_MAGIC;
}

static void drop(struct mptcpize_ring *ring) {
  __atomic_fetch_add(&ring->dropped, 1, __ATOMIC_RELAXED);
}

void mptcpize_ring_put(struct mptcpize_ring *ring, const struct mptcpize_event *event) {
  for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
    uint32_t position = LOAD(&ring->head);
    struct slot *slot = &ring->slots[position & SLOT_MASK];
    if (LOAD(&slot->retired)) {
      exchange(&ring->head, position, position + 1);
      continue;
    }
    int32_t ahead = (int32_t)(LOAD(&slot->turn) - ROUND(position));
    if (ahead < 0) break;     // still holds a record of the round before: full
    if (ahead > 0) continue;  // another writer was faster
    if (!exchange(&ring->head, position, position + 1)) continue;
    slot->event = *event;
    exchange(&slot->turn, ROUND(position), ROUND(position) + 1);
    return;
  }
  drop(ring);
}

// Steps over retired slots that writers have stepped over too; once round at most,
// since `head` may be anything that somebody wrote there.
static struct slot *oldest(struct mptcpize_ring *ring, uint32_t *position) {
  for (uint32_t i = 0;; i++) {
    *position = ring->tail;
    struct slot *slot = &ring->slots[*position & SLOT_MASK];
    if (!LOAD(&slot->retired) || LOAD(&ring->head) == *position) return slot;
    if (i == MPTCPIZE_RING_SLOTS) return slot;
    STORE(&ring->tail, *position + 1);
  }
}

bool mptcpize_ring_take(struct mptcpize_ring *ring, struct mptcpize_event *event) {
  uint32_t position;
  struct slot *slot = oldest(ring, &position);
  if (LOAD(&slot->retired) || LOAD(&slot->turn) != ROUND(position) + 1) return false;
  *event = slot->event;
  STORE(&ring->tail, position + 1);
  STORE(&slot->turn, ROUND(position) + MPTCPIZE_RING_SLOTS);
  return true;
}

bool mptcpize_ring_abandon(struct mptcpize_ring *ring) {
  uint32_t position;
  struct slot *slot = oldest(ring, &position);
  if (LOAD(&slot->retired) || LOAD(&ring->head) == position) return false;
  // Fails if the writer published after all: then the record can be taken.
  if (!exchange(&slot->turn, ROUND(position), ROUND(position) - 1)) return false;
  STORE(&slot->retired, 1);
  STORE(&ring->tail, position + 1);
  drop(ring);
  return true;
}

uint32_t mptcpize_ring_dropped(const struct mptcpize_ring *ring) {
  return __atomic_load_n(&ring->dropped, __ATOMIC_RELAXED);
}

uint32_t mptcpize_ring_pending(const struct mptcpize_ring *ring) {
  return LOAD(&ring->head) - LOAD(&ring->tail);
}
