// The little of the kernel that the program reads and calls.
//
// The structures name only the members that are used: clang records each access
// and libbpf fills in the running kernel's offsets (CO-RE), so that neither
// order nor neighbours matter and no 2.8 MB vmlinux.h is needed. The helpers and
// macros are those of libbpf's bpf_helpers.h that the program uses; with them
// here, building needs no libbpf-dev. Numbers: enum bpf_func_id in linux/bpf.h.

#ifndef MPTCPIZE_KERNEL_BPF_H
#define MPTCPIZE_KERNEL_BPF_H

#include <stdbool.h>
#include <stdint.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

// How libbpf reads a map's definition out of BTF.
#define UINT(name, value) int(*name)[value]
#define TYPE(name, value) __typeof__(value) *name

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };  // enum bpf_map_type
enum { BPF_F_NO_PREALLOC = 1 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_probe_read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static uint64_t (*const bpf_get_current_ancestor_cgroup_id)(int level) = (void *)123;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;

// Inlined by the verifier (Linux ≥ 6.2): `object` becomes a pointer to the kernel's
// type, loads through which answer 0 where there is nothing to load.
extern void *bpf_rdonly_cast(const void *object, uint32_t btf_id) SEC(".ksyms");

#define AS(type, object) \
  ((struct type *)bpf_rdonly_cast((object), __builtin_btf_type_id(*(struct type *)0, 1)))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_generic {
  struct {
    unsigned int len;
  } s;
  void *ptr[1];
};

struct net {
  struct net_generic *gen;
};

struct nsproxy {
  struct net *net_ns;
};

struct task_struct {
  struct nsproxy *nsproxy;
};

struct ctl_table {
  void *data;
};

struct ctl_table_header {
  struct ctl_table *ctl_table;
};

// Stands for any pointer in memory.
struct list_head {
  struct list_head *next;
};

// net/mptcp/ctrl.c
struct mptcp_pernet {
  struct ctl_table_header *ctl_table_hdr;
  uint8_t mptcp_enabled;
};

#pragma clang attribute pop

// Copies `from->member` of kernel memory into `*to`; false if it cannot be read.
#define READ(to, from, member) \
  (bpf_probe_read_kernel((to), sizeof *(to), (const void *)&(from)->member) == 0)

#endif
