// pin_program OBJECT REVISION: puts the BPF programs of an object file in force as `mptcpize
// bpf` of their time did: attached, and pinned with their maps in /sys/fs/bpf/mptcpize/current.
// Takes over the maps that are pinned there, but for `revision`, which is each
// program's own.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PINS "/sys/fs/bpf/mptcpize/current"

struct bpf_object;
struct bpf_map;
struct bpf_program;
struct bpf_link;

static void *library;

// Declares a function of libbpf.so.1, as bpf/libbpf.h does.
#define FUNCTION(result, name, ...) result (*name)(__VA_ARGS__) = dlsym(library, #name)

static void fail(const char *what) {
  perror(what);
  exit(1);
}

// Whether a map holds the program's variables: "OBJECT.bss".
static bool is_memory(const char *map) {
  const char *dot = strchr(map, '.');
  return dot && strcmp(dot, ".bss") == 0;
}

static const char *pin_of(const char *map) {
  static char path[256];
  snprintf(path, sizeof path, PINS "/%s", is_memory(map) ? "memory" : map);
  return path;
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  library = dlopen("libbpf.so.1", RTLD_NOW);
  if (!library) return 1;
  FUNCTION(struct bpf_object *, bpf_object__open_file, const char *, const void *);
  FUNCTION(int, bpf_object__load, struct bpf_object *);
  FUNCTION(struct bpf_map *, bpf_object__next_map, const struct bpf_object *,
           const struct bpf_map *);
  FUNCTION(const char *, bpf_map__name, const struct bpf_map *);
  FUNCTION(int, bpf_map__fd, const struct bpf_map *);
  FUNCTION(int, bpf_map__reuse_fd, struct bpf_map *, int);
  FUNCTION(struct bpf_program *, bpf_object__next_program, const struct bpf_object *,
           struct bpf_program *);
  FUNCTION(const char *, bpf_program__name, const struct bpf_program *);
  FUNCTION(struct bpf_link *, bpf_program__attach, const struct bpf_program *);
  FUNCTION(int, bpf_link__fd, const struct bpf_link *);
  FUNCTION(int, bpf_obj_get, const char *);
  FUNCTION(int, bpf_obj_pin, int, const char *);
  FUNCTION(int, bpf_map_update_elem, int, const void *, const void *, uint64_t);

  struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
  if (!object) fail("open");
  struct bpf_map *map = NULL;
  while ((map = bpf_object__next_map(object, map))) {
    if (strcmp(bpf_map__name(map), "revision") == 0) continue;
    int pinned = bpf_obj_get(pin_of(bpf_map__name(map)));
    if (pinned >= 0 && bpf_map__reuse_fd(map, pinned)) fail("reuse");
  }
  if (bpf_object__load(object)) fail("load");

  mkdir("/sys/fs/bpf/mptcpize", 0700);
  mkdir(PINS, 0700);
  uint32_t revision = (uint32_t)atoi(argv[2]), only = 0;
  while ((map = bpf_object__next_map(object, map))) {
    const char *name = bpf_map__name(map);
    if (strchr(name, '.') && !is_memory(name)) continue;
    if (strcmp(name, "revision") == 0) bpf_map_update_elem(bpf_map__fd(map), &only, &revision, 0);
    unlink(pin_of(name));
    if (bpf_obj_pin(bpf_map__fd(map), pin_of(name))) fail(name);
    if (!is_memory(name)) continue;
    // struct mptcpize_bpf_memory begins with: layout, live.
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    if (words == MAP_FAILED) fail("memory");
    words[1] = revision;
  }
  struct bpf_program *program = NULL;
  while ((program = bpf_object__next_program(object, program))) {
    struct bpf_link *link = bpf_program__attach(program);
    if (!link) fail("attach");
    unlink(pin_of(bpf_program__name(program)));
    if (bpf_obj_pin(bpf_link__fd(link), pin_of(bpf_program__name(program)))) fail("pin");
  }
  return 0;
}
