// Finds the next definition without dlsym (see next_symbol). The dynamic linker's list of
// loaded objects, made for debuggers, is public in every version of glibc: _r_debug, see
// <link.h>. It leads to the tables of the ELF gABI and of the GNU hash section.

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

enum { DT_NULL = 0, DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6 };
#define DT_GNU_HASH 0x6ffffef5
#define DT_VERSYM 0x6ffffff0
enum { VERSYM_HIDDEN = 0x8000, VERSYM_NUMBER = 0x7fff, VERSYM_FIRST = 2 };
enum { SHN_ABS = 0xfff1 };
enum { STB_GLOBAL = 1, STB_WEAK = 2, STB_GNU_UNIQUE = 10 };
enum { STT_NOTYPE = 0, STT_OBJECT = 1, STT_FUNC = 2, STT_COMMON = 5, STT_GNU_IFUNC = 10 };
enum { STV_INTERNAL = 1, STV_HIDDEN = 2, VISIBILITY = 3 };

struct symbol_tables {
  const elf_symbol *symbols;
  const char *strings;
  const uint32_t *gnu_hash, *hash;
  const uint16_t *versions;
};

static uintptr_t distance(uintptr_t a, uintptr_t b) { return a < b ? b - a : a - b; }

// glibc has relocated the addresses of the dynamic section in place, unless that is read-only:
// then they are as in the file, where prelinked objects too start at another address than 0. Of
// the two readings, one is far from the object.
static uintptr_t address_in(const struct link_map *object, uintptr_t value) {
  uintptr_t here = (uintptr_t)object->dynamic, moved = object->base + value;
  return distance(moved, here) < distance(value, here) ? moved : value;
}

static struct symbol_tables tables_of(const struct link_map *object) {
  struct symbol_tables tables = {0};
  for (const elf_dynamic *entry = object->dynamic; entry->tag != DT_NULL; entry++) {
    uintptr_t address = address_in(object, entry->value);
    if (entry->tag == DT_SYMTAB) tables.symbols = (const elf_symbol *)address;
    if (entry->tag == DT_STRTAB) tables.strings = (const char *)address;
    if (entry->tag == DT_HASH) tables.hash = (const uint32_t *)address;
    if (entry->tag == DT_GNU_HASH) tables.gnu_hash = (const uint32_t *)address;
    if (entry->tag == DT_VERSYM) tables.versions = (const uint16_t *)address;
  }
  return tables;
}

static bool same_string(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

// --- Whether a symbol is the one that dlsym would take: glibc's elf/dl-lookup.c ---------

struct search {
  const char *name;
  const struct symbol_tables *tables;
  const elf_symbol *unversioned, *versioned;
  int defaults;  // how many versions claim to be the default; with two, dlsym takes neither
};

// One more of the object's symbols with the right hash. True: the search in this object is over.
static bool examine(struct search *search, uint32_t index) {
  const elf_symbol *symbol = &search->tables->symbols[index];
  const uint16_t *versions = search->tables->versions;
  if (symbol->value == 0 && symbol->section != SHN_ABS) return false;
  // A variable of threads would be found too, and called: to be passed over.
  const unsigned int types =
      1u << STT_NOTYPE | 1u << STT_OBJECT | 1u << STT_FUNC | 1u << STT_COMMON | 1u << STT_GNU_IFUNC;
  if (!(types >> (symbol->info & 0xf) & 1)) return false;
  if (!same_string(search->tables->strings + symbol->name, search->name)) return false;
  if (!versions || (versions[index] & VERSYM_NUMBER) < VERSYM_FIRST) {
    search->unversioned = symbol;
    return true;
  }
  if (!(versions[index] & VERSYM_HIDDEN) && search->defaults++ == 0) search->versioned = symbol;
  return false;
}

static void search_gnu_hash(struct search *search) {
  const uint32_t *table = search->tables->gnu_hash;
  uint32_t hash = 5381;
  for (const char *at = search->name; *at; at++) hash = hash * 33 + (uint8_t)*at;
  uint32_t bucket_count = table[0], first = table[1], filter_words = table[2];
  const uint32_t *buckets = table + 4 + filter_words * (sizeof(uintptr_t) / sizeof(uint32_t));
  const uint32_t *chain = buckets + bucket_count;
  uint32_t index = bucket_count ? buckets[hash % bucket_count] : 0;
  for (; index >= first && index != 0; index++) {
    uint32_t entry = chain[index - first];
    if ((entry | 1) == (hash | 1) && examine(search, index)) return;
    if (entry & 1) return;
  }
}

static void search_hash(struct search *search) {
  const uint32_t *table = search->tables->hash;
  uint32_t hash = 0;
  for (const char *at = search->name; *at; at++) {
    hash = (hash << 4) + (uint8_t)*at;
    hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
  }
  uint32_t bucket_count = table[0];
  const uint32_t *buckets = table + 2, *chain = buckets + bucket_count;
  uint32_t index = bucket_count ? buckets[hash % bucket_count] : 0;
  for (; index != 0; index = chain[index]) {
    if (examine(search, index)) return;
  }
}

static bool is_exported(const elf_symbol *symbol) {
  unsigned int binding = symbol->info >> 4, visibility = symbol->other & VISIBILITY;
  return (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) &&
         visibility != STV_INTERNAL && visibility != STV_HIDDEN;
}

// --- What its address is ---------------------------------------------------------------

// The function that an indirect one stands for: by then all objects are relocated.
static void *resolved(uintptr_t resolver) {
#if defined(__aarch64__)
  // sys/ifunc.h: the capabilities of the processor, and a bit that says that more follows.
  enum { AT_HWCAP = 16, AT_HWCAP2 = 26 };
  unsigned long (*getauxval)(unsigned long) =
      (unsigned long (*)(unsigned long))link_map_next("getauxval");
  struct {
    unsigned long size, hwcap, hwcap2;
  } more = {sizeof more, getauxval ? getauxval(AT_HWCAP) : 0, getauxval ? getauxval(AT_HWCAP2) : 0};
  return ((void *(*)(unsigned long, const void *))resolver)(more.hwcap | 1ul << 62, &more);
#else
  return ((void *(*)(void))resolver)();
#endif
}

static void *defined_in(const struct link_map *object, const char *name) {
  struct symbol_tables tables = tables_of(object);
  if (!tables.symbols || !tables.strings) return NULL;
  struct search search = {.name = name, .tables = &tables};
  if (tables.gnu_hash) {
    search_gnu_hash(&search);
  } else if (tables.hash) {
    search_hash(&search);
  }
  const elf_symbol *symbol = search.unversioned;
  if (!symbol && search.defaults == 1) symbol = search.versioned;
  if (!symbol || !is_exported(symbol)) return NULL;
  uintptr_t address = (symbol->section == SHN_ABS ? 0 : object->base) + (uintptr_t)symbol->value;
  return (symbol->info & 0xf) == STT_GNU_IFUNC ? resolved(address) : (void *)address;
}

bool link_map_exists(void) { return &_r_debug && _r_debug.map; }

void *link_map_next(const char *name) {
  bool after_us = false;
  for (const struct link_map *object = _r_debug.map; object; object = object->next) {
    if (object->dynamic == _DYNAMIC) {
      after_us = true;
    } else if (after_us && object->dynamic) {
      void *found = defined_in(object, name);
      if (found) return found;
    }
  }
  return NULL;
}
