// The next definition without dlsym (see next_symbol). The dynamic linker's list of
// loaded objects, made for debuggers, is public in every version of glibc: _r_debug, see
// <link.h>; the tables it leads to are those of the ELF gABI and of the GNU hash section.

#include "link_map.h"

#include "kernel.h"
#include "libc.h"

#if UINTPTR_MAX == UINT64_MAX
typedef struct {
  uint32_t name;
  uint8_t info, other;
  uint16_t section;
  uint64_t value, size;
} elf_symbol;
#else
typedef struct {
  uint32_t name, value, size;
  uint8_t info, other;
  uint16_t section;
} elf_symbol;
#endif

typedef struct {
  intptr_t tag;
  uintptr_t value;
} elf_dynamic;

struct link_map {
  uintptr_t base;
  char *path;
  elf_dynamic *dynamic;
  struct link_map *next, *previous;
};

struct r_debug {
  int version;
  struct link_map *map;
};

FROM_LIBC struct r_debug _r_debug;
extern elf_dynamic _DYNAMIC[] __attribute__((visibility("hidden")));

enum { DT_NULL = 0, DT_STRTAB = 5, DT_SYMTAB = 6 };
#define DT_GNU_HASH 0x6ffffef5
#define DT_VERSYM 0x6ffffff0
#define VERSYM_HIDDEN 0x8000  // not the default version of its name
enum { STT_FUNC = 2, SHN_UNDEF = 0 };

struct symbol_tables {
  const elf_symbol *symbols;
  const char *strings;
  const uint32_t *gnu_hash;
  const uint16_t *versions;
};

static struct symbol_tables tables_of(const struct link_map *object) {
  struct symbol_tables tables = {0};
  for (const elf_dynamic *entry = object->dynamic; entry->tag != DT_NULL; entry++) {
    // glibc has relocated these addresses in place; the vDSO's it has not.
    uintptr_t address = entry->value < object->base ? object->base + entry->value : entry->value;
    if (entry->tag == DT_SYMTAB) tables.symbols = (const elf_symbol *)address;
    if (entry->tag == DT_STRTAB) tables.strings = (const char *)address;
    if (entry->tag == DT_GNU_HASH) tables.gnu_hash = (const uint32_t *)address;
    if (entry->tag == DT_VERSYM) tables.versions = (const uint16_t *)address;
  }
  return tables;
}

static bool same_string(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static uint32_t gnu_hash(const char *name) {
  uint32_t hash = 5381;
  for (; *name; name++) hash = hash * 33 + (uint8_t)*name;
  return hash;
}

static void *defined_in(const struct link_map *object, const char *name, uint32_t hash) {
  struct symbol_tables tables = tables_of(object);
  if (!tables.symbols || !tables.strings || !tables.gnu_hash) return NULL;
  uint32_t bucket_count = tables.gnu_hash[0], first = tables.gnu_hash[1];
  uint32_t filter_words = tables.gnu_hash[2];
  const uint32_t *buckets =
      tables.gnu_hash + 4 + filter_words * (sizeof(uintptr_t) / sizeof(uint32_t));
  const uint32_t *chain = buckets + bucket_count;
  uint32_t index = bucket_count ? buckets[hash % bucket_count] : 0;
  for (; index >= first && index != 0; index++) {
    const elf_symbol *symbol = &tables.symbols[index];
    bool is_default = !tables.versions || !(tables.versions[index] & VERSYM_HIDDEN);
    if ((chain[index - first] | 1) == (hash | 1) && symbol->section != SHN_UNDEF && is_default &&
        (symbol->info & 0xf) == STT_FUNC && same_string(tables.strings + symbol->name, name)) {
      return (void *)(object->base + (uintptr_t)symbol->value);
    }
    if (chain[index - first] & 1) break;
  }
  return NULL;
}

bool link_map_exists(void) { return &_r_debug && _r_debug.map; }

void *link_map_next(const char *name) {
  uint32_t hash = gnu_hash(name);
  bool after_us = false;
  for (const struct link_map *object = _r_debug.map; object; object = object->next) {
    if (object->dynamic == _DYNAMIC) {
      after_us = true;
    } else if (after_us) {
      void *found = defined_in(object, name, hash);
      if (found) return found;
    }
  }
  return NULL;
}
