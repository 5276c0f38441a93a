// The few structures of the kernel that the programs read.
//
// The structures name only the members that are used: clang records each access
// and libbpf fills in the running kernel's offsets (CO-RE), so that neither
// order nor neighbours matter and no 2.8 MB vmlinux.h is needed.

#ifndef MPTCPIZE_KERNEL_BPF_H
#define MPTCPIZE_KERNEL_BPF_H

#include <stdbool.h>
#include <stdint.h>

// include/linux/socket.h, in.h
enum { AF_INET = 2, AF_INET6 = 10 };
enum { SOL_SOCKET = 1, IPPROTO_IP = 0, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_IPV6 = 41 };

// include/linux/net.h; the same numbers wherever Linux runs BPF trampolines.
enum {
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  SOCK_TYPE_MASK = 0xf,
  SOCK_NONBLOCK = 04000,
  SOCK_CLOEXEC = 02000000,
};

// include/net/tcp_states.h
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_TIME_WAIT = 6, TCP_CLOSE };
enum { TCP_CLOSE_WAIT = 8, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING };

// include/uapi/asm-generic/errno*.h
enum { EFAULT = 14, EINVAL = 22, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93, EOPNOTSUPP = 95 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

// --- Tasks, namespaces, cgroups ---------------------------------------------

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

struct cgroup_subsys_state {
  uint64_t serial_nr;
};

// Programs by the place that they are attached to; those from above included.
struct cgroup_bpf {
  struct bpf_prog_array *effective[1];
};

struct cgroup {
  struct cgroup_subsys_state self;
  struct cgroup_bpf bpf;
};

enum cgroup_bpf_attach_type { CGROUP_INET_SOCK_CREATE = 2 };

struct bpf_prog_aux {
  char name[16];
};

struct bpf_prog {
  struct bpf_prog_aux *aux;
};

struct bpf_prog_array_item {
  struct bpf_prog *prog;
};

struct bpf_prog_array {
  struct bpf_prog_array_item items[1];
};

struct css_set {
  struct cgroup *dfl_cgrp;  // of version 2
};

struct task_struct {
  int pid;
  struct task_struct *real_parent;
  struct nsproxy *nsproxy;
  struct css_set *cgroups;
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

// --- Processes, and sockets ---------------------------------------------------

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

struct inet_connection_sock {
  void *icsk_ulp_data;
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

struct mptcp_subflow_context {
  uint32_t mp_capable : 1;
};

#pragma clang attribute pop

#endif
