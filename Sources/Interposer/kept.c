#include "kept.h"

#include "state.h"

// A hash table of 64 KiB in .bss: pages that nobody writes to cost nothing.
enum { SLOTS = 4096, PROBES = 16, LINE_BITS = 8 };

struct slot {
  _Alignas(8) uint64_t key;  // inode and line of the table; 0: free; BUSY: being written
  int32_t value;
  uint32_t turn;  // when it was written, counted in writes
};

#define BUSY UINT64_MAX

static struct slot slots[SLOTS];

// Lines are numbered from 1, so that no key is 0.
static uint64_t key_of(uint64_t inode, const struct mptcpize_option *option) {
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  return inode << LINE_BITS | (uint64_t)(option - table + 1);
}

// All options of a socket lie next to each other.
static size_t start_of(uint64_t inode) {
  return (size_t)((uint32_t)inode * 2654435769u >> 20) % SLOTS;
}

static struct slot *slot_at(uint64_t inode, size_t probe) {
  return &slots[(start_of(inode) + probe) % SLOTS];
}

static uint64_t load(const struct slot *slot) {
  return __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE);
}

static uint32_t turns;

// A slot that a signal handler or another thread is writing is passed over: nobody waits.
static bool write(struct slot *slot, uint64_t expected, uint64_t key, int32_t value) {
  if (!__atomic_compare_exchange_n(&slot->key, &expected, BUSY, false, __ATOMIC_ACQUIRE,
                                   __ATOMIC_RELAXED)) {
    return false;
  }
  // Not before BUSY is seen: an acquiring exchange alone does not order this (AArch64).
  __atomic_store_n(&slot->value, value, __ATOMIC_RELEASE);
  uint32_t turn = __atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&slot->turn, turn, __ATOMIC_RELAXED);
  __atomic_store_n(&slot->key, key, __ATOMIC_RELEASE);
  return true;
}

static uint32_t age(const struct slot *slot) {
  return __atomic_load_n(&turns, __ATOMIC_RELAXED) - __atomic_load_n(&slot->turn, __ATOMIC_RELAXED);
}

bool kept_put(uint64_t inode, const struct mptcpize_option *option, int32_t value) {
  if (!inode) return true;
  __atomic_fetch_or(&state_flags, STATE_KEPT, __ATOMIC_RELAXED);
  uint64_t key = key_of(inode, option);
  for (size_t probe = 0; probe < PROBES; probe++) {
    struct slot *slot = slot_at(inode, probe);
    if (load(slot) == key && write(slot, key, key, value)) return false;
  }
  for (size_t probe = 0; probe < PROBES; probe++) {
    if (write(slot_at(inode, probe), 0, key, value)) return true;
  }
  // Full: the place of the oldest.
  struct slot *victim = slot_at(inode, 0);
  for (size_t probe = 1; probe < PROBES; probe++) {
    struct slot *slot = slot_at(inode, probe);
    if (age(slot) > age(victim)) victim = slot;
  }
  uint64_t other = load(victim);
  if (other != BUSY) write(victim, other, key, value);
  return true;
}

static struct slot *find(uint64_t inode, uint64_t key) {
  for (size_t probe = 0; inode && probe < PROBES; probe++) {
    struct slot *slot = slot_at(inode, probe);
    if (load(slot) == key) return slot;
  }
  return NULL;
}

bool kept_get(uint64_t inode, const struct mptcpize_option *option, int32_t *value) {
  uint64_t key = key_of(inode, option);
  struct slot *slot = find(inode, key);
  if (!slot) return false;
  *value = __atomic_load_n(&slot->value, __ATOMIC_ACQUIRE);
  return load(slot) == key;
}

void kept_drop(uint64_t inode, const struct mptcpize_option *option) {
  uint64_t key = key_of(inode, option);
  struct slot *slot = find(inode, key);
  if (slot) write(slot, key, 0, 0);
}

void kept_each(uint64_t inode,
               void (*visit)(const struct mptcpize_option *option, int32_t value, void *context),
               void *context) {
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  for (size_t probe = 0; inode && probe < PROBES; probe++) {
    struct slot *slot = slot_at(inode, probe);
    uint64_t key = load(slot);
    if (key == BUSY || key >> LINE_BITS != (inode & UINT64_MAX >> LINE_BITS)) continue;
    int32_t value = __atomic_load_n(&slot->value, __ATOMIC_ACQUIRE);
    if (load(slot) != key) continue;
    size_t line = (size_t)(key & ((1 << LINE_BITS) - 1)) - 1;
    if (line < count) visit(&table[line], value, context);
  }
}
