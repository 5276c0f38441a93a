// libbpf, loaded when it is needed. Without libbpf.so.1 (Debian: libbpf1), mptcpize
// works except for its BPF mode. The static mptcpize contains it.
//
// The declarations are those of bpf/libbpf.h and bpf/bpf.h, libbpf 1.0 and newer,
// so that building needs no libbpf-dev either. Int results are 0 or a descriptor,
// or negative, and pointers are NULL, with errno set.

#ifndef CLIBBPF_H
#define CLIBBPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_object;
struct bpf_program;
struct bpf_map;
struct bpf_link;
struct ring_buffer;

struct clibbpf {
  struct bpf_object *(*object_open_mem)(const void *bytes, size_t size, const void *options);
  int (*object_load)(struct bpf_object *object);
  void (*object_close)(struct bpf_object *object);
  struct bpf_program *(*object_find_program_by_name)(const struct bpf_object *object,
                                                     const char *name);
  struct bpf_map *(*object_find_map_by_name)(const struct bpf_object *object, const char *name);
  struct bpf_link *(*program_attach)(const struct bpf_program *program);
  int (*program_fd)(const struct bpf_program *program);
  int (*link_create)(int program, int target, int attach_type, const void *options);
  int (*link_fd)(const struct bpf_link *link);
  int (*link_destroy)(struct bpf_link *link);
  int (*map_fd)(const struct bpf_map *map);
  int (*map_reuse_fd)(struct bpf_map *map, int fd);
  int (*map_lookup_elem)(int fd, const void *key, void *value);
  int (*map_update_elem)(int fd, const void *key, const void *value, uint64_t flags);
  int (*map_update_batch)(int fd, const void *keys, const void *values, uint32_t *count,
                          const void *options);
  int (*map_delete_elem)(int fd, const void *key);
  int (*map_get_next_key)(int fd, const void *key, void *next);
  int (*obj_pin)(int fd, const char *path);
  int (*obj_get)(const char *path);
  int (*prog_get_fd_by_id)(uint32_t id);
  int (*obj_get_info_by_fd)(int fd, void *info, uint32_t *length);
  int (*find_vmlinux_btf_id)(const char *name, int attach_type);
  struct ring_buffer *(*ring_buffer_new)(int map,
                                         int (*sample)(void *context, void *data, size_t size),
                                         void *context, const void *options);
  int (*ring_buffer_consume)(struct ring_buffer *ring);
  /// Takes a print function; NULL silences the library.
  void *(*set_print)(void *print);
};

/// Bytes that clibbpf_load's `missing` must have.
#define CLIBBPF_MISSING 512

enum clibbpf_answer {
  CLIBBPF_LOADED,
  CLIBBPF_NO_LIBRARY,   ///< `missing` says what the loader said
  CLIBBPF_NO_FUNCTION,  ///< older than 1.0: `missing` names the function
};

/// Whether libbpf is in this program.
bool clibbpf_is_linked(void);

/// Loads libbpf.so.1 for good, unless libbpf is in this program, and fills in the table.
enum clibbpf_answer clibbpf_load(struct clibbpf *table, char *missing);

/// Whether a program of this kind, fmod_ret, can be attached to a function of this name,
/// as far as the kernel's types tell.
bool clibbpf_has_hook(const struct clibbpf *table, const char *function);

/// Attach a program of the type cgroup/setsockopt, cgroup/getsockopt, cgroup/sock_create or
/// cgroup/sock_release to a cgroup, beside any that are there. The link's descriptor, or
/// negative with errno set.
int clibbpf_attach_setsockopt(const struct clibbpf *table, int program, int cgroup);
int clibbpf_attach_getsockopt(const struct clibbpf *table, int program, int cgroup);
int clibbpf_attach_sock_create(const struct clibbpf *table, int program, int cgroup);
int clibbpf_attach_sock_release(const struct clibbpf *table, int program, int cgroup);

// --- Answers of the kernel -------------------------------------------------

/// Whether the map's keys and values have these sizes, in bytes. To be asked before
/// a pinned map is read: the kernel writes as many bytes as its values have.
bool clibbpf_map_has_sizes(const struct clibbpf *table, int map, uint32_t key, uint32_t value);

/// How often the kernel did not run the program that this link attached because
/// it was running on that CPU already, preempted there (Linux ≥ 5.12). -1: not told.
int64_t clibbpf_missed_runs(const struct clibbpf *table, int link);

// --- Ring buffers ------------------------------------------------------------

/// A map of the kind BPF_MAP_TYPE_RINGBUF whose records have one size.
struct clibbpf_ring;

/// Maps it into memory for good: the map's descriptor is not needed afterwards. NULL and errno.
struct clibbpf_ring *clibbpf_ring_open(const struct clibbpf *table, int map, size_t size);

/// Takes the oldest records, as many as there are and fit; their number.
size_t clibbpf_ring_take(const struct clibbpf *table, struct clibbpf_ring *ring, void *to,
                         size_t room);

#endif
