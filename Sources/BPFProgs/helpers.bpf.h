// What BPF programs call, and how they address the kernel's memory.
//
// The helpers and macros are those of libbpf's bpf_helpers.h and bpf_core_read.h that the programs
// use. They are declared here, so building needs no libbpf-dev. Numbers: enum bpf_func_id in
// linux/bpf.h.

#ifndef MPTCPIZE_HELPERS_BPF_H
#define MPTCPIZE_HELPERS_BPF_H

#include <stdint.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define RARE static __attribute__((noinline))
#define UNLIKELY(condition) __builtin_expect((condition), 0)
// Puts a variable's address into a register here, where the compiler would keep it across
// calls, in one that has to be saved, or load each member's anew.
#define LOAD_ADDRESS(pointer, variable) __asm__ volatile("%0 = " #variable " ll" : "=r"(pointer))

// How libbpf reads a map's definition out of BTF.
#define UINT(name, value) int(*name)[value]
#define TYPE(name, value) __typeof__(value) *name

// enum bpf_map_type
enum {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_CGROUP_STORAGE = 19,
  BPF_MAP_TYPE_SK_STORAGE = 24,
  BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_F_NO_PREALLOC = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
                                         uint64_t flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*const bpf_get_current_comm)(void *to, uint32_t size) = (void *)16;
static void *(*const bpf_get_local_storage)(void *map, uint64_t flags) = (void *)81;
static void *(*const bpf_sk_storage_get)(void *map, void *socket, void *value,
                                         uint64_t flags) = (void *)107;
static long (*const bpf_probe_read_user)(void *to, uint32_t size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static uint64_t (*const bpf_get_current_ancestor_cgroup_id)(int level) = (void *)123;
static void *(*const bpf_ringbuf_reserve)(void *ring, uint64_t size, uint64_t flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *record, uint64_t flags) = (void *)132;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static int (*const bpf_set_retval)(int retval) = (void *)187;

// Inlined by the verifier (Linux ≥ 6.2): `object` becomes a pointer to the kernel's
// type, loads through which answer 0 where there is nothing to load.
extern void *bpf_rdonly_cast(const void *object, uint32_t btf_id) SEC(".ksyms");

#define AS(type, object) \
  ((struct type *)bpf_rdonly_cast((object), __builtin_btf_type_id(*(struct type *)0, 1)))

// Copies `from->member` of kernel memory into `*to`; false if it cannot be read.
#define READ(to, from, member) \
  (bpf_probe_read_kernel((to), sizeof *(to), (const void *)&(from)->member) == 0)

// Whether the running kernel has a member, or a structure.
#define HAS_MEMBER(type, member) \
  __builtin_preserve_field_info(((struct type *)0)->member, 2 /* BPF_FIELD_EXISTS */)
#define SIZE_OF(type) __builtin_preserve_type_info(*(struct type *)0, 1 /* BPF_TYPE_SIZE */)
#define HAS_TYPE(type) __builtin_preserve_type_info(*(struct type *)0, 0 /* BPF_TYPE_EXISTS */)

#endif
