#include "kept.h"

enum { PROBES = 64 };

static size_t start_of(uint64_t inode) {
  return (size_t)((uint32_t)inode * 2654435769u >> 16) % KEPT_SLOTS;
}

static size_t place(uint64_t inode, size_t probe) { return (start_of(inode) + probe) % KEPT_SLOTS; }

static struct kept_slot *find(struct shared *shared, uint64_t inode, int32_t line) {
  for (size_t probe = 0; probe < PROBES; probe++) {
    struct kept_slot *slot = &shared->kept[place(inode, probe)];
    if (slot->inode == inode && slot->line == line) return slot;
  }
  return NULL;
}

bool kept_put(struct shared *shared, uint64_t inode, int32_t line, int32_t value) {
  struct kept_slot *slot = find(shared, inode, line);
  bool is_new = !slot;
  for (size_t probe = 0; !slot && probe < PROBES; probe++) {
    struct kept_slot *other = &shared->kept[place(inode, probe)];
    if (!other->inode) slot = other;
  }
  // Full of sockets that are mostly gone by now: any place will do.
  if (!slot) slot = &shared->kept[place(inode, (uint32_t)line % PROBES)];
  *slot = (struct kept_slot){inode, line, value};
  return is_new;
}

bool kept_get(const struct shared *shared, uint64_t inode, int32_t line, int32_t *value) {
  const struct kept_slot *slot = find((struct shared *)shared, inode, line);
  if (slot) *value = slot->value;
  return slot != NULL;
}

void kept_drop(struct shared *shared, uint64_t inode, int32_t line) {
  struct kept_slot *slot = find(shared, inode, line);
  if (slot) slot->inode = 0;
}

void kept_forget(struct shared *shared, uint64_t inode) {
  for (size_t probe = 0; probe < PROBES; probe++) {
    struct kept_slot *slot = &shared->kept[place(inode, probe)];
    if (slot->inode == inode) slot->inode = 0;
  }
}

void kept_each(const struct shared *shared, uint64_t inode,
               void (*visit)(int32_t line, int32_t value, void *context), void *context) {
  for (size_t probe = 0; probe < PROBES; probe++) {
    const struct kept_slot *slot = &shared->kept[place(inode, probe)];
    if (slot->inode == inode) visit(slot->line, slot->value, context);
  }
}
