// What events.bpf.c reads and calls of the kernel, in addition to kernel.bpf.h.

#ifndef MPTCPIZE_EVENTS_BPF_H
#define MPTCPIZE_EVENTS_BPF_H

#include "kernel.bpf.h"

enum { BPF_MAP_TYPE_RINGBUF = 27 };  // enum bpf_map_type

static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
                                         uint64_t flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*const bpf_get_current_comm)(void *to, uint32_t size) = (void *)16;
static long (*const bpf_probe_read_user)(void *to, uint32_t size, const void *from) = (void *)112;
static void *(*const bpf_ringbuf_reserve)(void *ring, uint64_t size, uint64_t flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *record, uint64_t flags) = (void *)132;

// Whether the running kernel has a member, or a structure.
#define HAS_MEMBER(type, member) \
  __builtin_preserve_field_info(((struct type *)0)->member, 2 /* BPF_FIELD_EXISTS */)
#define SIZE_OF(type) __builtin_preserve_type_info(*(struct type *)0, 1 /* BPF_TYPE_SIZE */)
#define HAS_TYPE(type) __builtin_preserve_type_info(*(struct type *)0, 0 /* BPF_TYPE_EXISTS */)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
  unsigned long i_ino;
};

struct file {
  void *private_data;
};

struct fdtable {
  unsigned int max_fds;
  struct file **fd;
};

struct files_struct {
  struct fdtable *fdt;
};

struct ns_common {
  unsigned int inum;
};

struct pid_namespace {
  struct ns_common ns;
};

// A number of a process in one of the PID namespaces that it is in.
struct upid {
  int nr;
  struct pid_namespace *ns;
};

struct pid {
  unsigned int level;
  struct upid numbers[1];  // level + 1
};

struct signal_struct {
  struct pid *pids[2];  // enum pid_type: PIDTYPE_PID, PIDTYPE_TGID, …
};

// libbpf leaves out what follows the three underscores.
struct task_struct___process {
  struct files_struct *files;
  struct signal_struct *signal;
};

struct in6_addr {
  uint8_t bytes[16];
};

struct sock_common {
  uint32_t skc_daddr;
  uint32_t skc_rcv_saddr;
  uint16_t skc_dport;  // network order
  uint16_t skc_num;    // host order
  uint16_t skc_family;
  volatile unsigned char skc_state;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct sock {
  struct sock_common __sk_common;
  uint16_t sk_protocol;
  struct socket *sk_socket;
};

struct socket {
  short type;
  struct file *file;  // NULL for the kernel's own, subflows among them
  struct sock *sk;
};

// What each struct socket is part of.
struct socket_alloc {
  struct socket socket;
  struct inode vfs_inode;
};

struct tcp_sock {
  uint32_t segs_in;
  uint32_t snd_nxt;
  uint32_t write_seq;
  uint64_t bytes_sent;
  uint64_t bytes_retrans;
  uint64_t bytes_acked;
  uint64_t bytes_received;
};

// net/mptcp/protocol.h
struct mptcp_pm_data {
  uint8_t subflows;  // renamed in later kernels
};

struct mptcp_pm_data___new {
  uint8_t extra_subflows;
};

struct mptcp_sock {
  uint64_t write_seq;
  uint64_t snd_nxt;
  uint64_t bytes_sent;
  uint64_t bytes_received;
  bool can_ack;         // the peer's key was received
  bool allow_subflows;  // false once it has fallen back (Linux ≥ 6.16, and backports)
  struct sock *first;   // the first subflow
  struct mptcp_pm_data pm;
};

#pragma clang attribute pop

#endif
