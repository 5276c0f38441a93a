#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CLibBPF.h"
#include "functions.h"

// Of linked.c, which only the static mptcpize has.
extern const struct clibbpf clibbpf_in_program __attribute__((weak, visibility("hidden")));

bool clibbpf_is_linked(void) { return &clibbpf_in_program != NULL; }

enum clibbpf_answer clibbpf_load(struct clibbpf *table, char *missing) {
  if (clibbpf_is_linked()) {
    *table = clibbpf_in_program;
    return CLIBBPF_LOADED;
  }
  void *library = dlopen("libbpf.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(missing, CLIBBPF_MISSING, "%s", reason ? reason : "libbpf.so.1");
    return CLIBBPF_NO_LIBRARY;
  }
#define FUNCTION(name, member) {#name, &table->member},
  const struct {
    const char *name;
    void *slot;
  } functions[] = {CLIBBPF_FUNCTIONS(FUNCTION)};
#undef FUNCTION
  _Static_assert(sizeof functions / sizeof *functions == sizeof *table / sizeof(void *),
                 "a name for every function of the table");
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *function = dlsym(library, functions[i].name);
    if (!function) {
      snprintf(missing, CLIBBPF_MISSING, "%s", functions[i].name);
      return CLIBBPF_NO_FUNCTION;
    }
    memcpy(functions[i].slot, &function, sizeof function);
  }
  return CLIBBPF_LOADED;
}

bool clibbpf_has_hook(const struct clibbpf *table, const char *function) {
  return table->find_vmlinux_btf_id(function, BPF_MODIFY_RETURN) > 0;
}

int clibbpf_attach_setsockopt(const struct clibbpf *table, int program, int cgroup) {
  return table->link_create(program, cgroup, BPF_CGROUP_SETSOCKOPT, NULL);
}

int clibbpf_attach_getsockopt(const struct clibbpf *table, int program, int cgroup) {
  return table->link_create(program, cgroup, BPF_CGROUP_GETSOCKOPT, NULL);
}

int clibbpf_attach_sock_create(const struct clibbpf *table, int program, int cgroup) {
  return table->link_create(program, cgroup, BPF_CGROUP_INET_SOCK_CREATE, NULL);
}

int clibbpf_attach_sock_release(const struct clibbpf *table, int program, int cgroup) {
  return table->link_create(program, cgroup, BPF_CGROUP_INET_SOCK_RELEASE, NULL);
}

bool clibbpf_map_has_sizes(const struct clibbpf *table, int map, uint32_t key, uint32_t value) {
  struct bpf_map_info info = {0};
  uint32_t length = sizeof info;
  return table->obj_get_info_by_fd(map, &info, &length) == 0 && info.key_size == key &&
         info.value_size == value;
}

int64_t clibbpf_missed_runs(const struct clibbpf *table, int link) {
  struct bpf_link_info of_link = {0};
  uint32_t length = sizeof of_link;
  if (table->obj_get_info_by_fd(link, &of_link, &length) != 0) return -1;
  int program = table->prog_get_fd_by_id(of_link.prog_id);
  if (program < 0) return -1;
  // Zeroed, so that the kernel copies no list of maps or instructions out.
  struct bpf_prog_info of_program = {0};
  length = sizeof of_program;
  int answer = table->obj_get_info_by_fd(program, &of_program, &length);
  close(program);
  size_t end = offsetof(struct bpf_prog_info, recursion_misses) + sizeof(uint64_t);
  return answer == 0 && length >= end ? (int64_t)of_program.recursion_misses : -1;
}

struct clibbpf_ring {
  struct ring_buffer *buffer;
  char *to;
  size_t size, room;
};

// Negative: no further one for now.
static int take(void *context, void *record, size_t size) {
  struct clibbpf_ring *ring = context;
  if (size >= ring->size) {
    memcpy(ring->to, record, ring->size);
    ring->to += ring->size;
    ring->room--;
  }
  return ring->room > 0 ? 0 : -1;
}

struct clibbpf_ring *clibbpf_ring_open(const struct clibbpf *table, int map, size_t size) {
  struct clibbpf_ring *ring = calloc(1, sizeof *ring);
  if (!ring) return NULL;
  ring->size = size;
  ring->buffer = table->ring_buffer_new(map, take, ring, NULL);
  if (ring->buffer) return ring;
  free(ring);
  return NULL;
}

size_t clibbpf_ring_take(const struct clibbpf *table, struct clibbpf_ring *ring, void *to,
                         size_t room) {
  ring->to = to;
  ring->room = room;
  if (room > 0) (void)table->ring_buffer_consume(ring->buffer);
  return room - ring->room;
}
