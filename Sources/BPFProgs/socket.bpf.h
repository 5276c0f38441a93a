// What events.bpf.c reports of a socket, and of the process that makes it.

#ifndef MPTCPIZE_SOCKET_BPF_H
#define MPTCPIZE_SOCKET_BPF_H

#include "BPFEvents.h"
#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

// --- The calling process ----------------------------------------------------

INLINE bool is_ours(const struct mptcpize_events_run *now) {
  uint32_t level = now->shallowest, deepest = now->deepest;
  for (uint32_t i = 0; i < MPTCPIZE_EVENTS_DEPTHS; i++, level++) {
    if (bpf_get_current_ancestor_cgroup_id(level) == now->cgroup) return true;
    if (level >= deepest) break;
  }
  return false;
}

INLINE struct task_struct___process *current_process(void) {
  return AS(task_struct___process, bpf_get_current_task_btf());
}

// As the reader sees it; by the first namespace's number where it is in an inner one. (The
// helper for this came to programs of cgroups with Linux 6.10.)
INLINE int32_t current_pid(const struct mptcpize_events_run *now) {
  enum { TGID = 1, DEEPEST = 32 };  // MAX_PID_NS_LEVEL
  struct signal_struct *signal = current_process()->signal;
  struct pid *pid;
  uint32_t level, inum;
  struct pid_namespace *namespace;
  int32_t number;
  if (!READ(&pid, signal, pids[TGID]) || !READ(&level, pid, level) || level > DEEPEST) return 0;
  struct upid *first = &pid->numbers[0];
  struct upid *own = (struct upid *)((char *)first + level * SIZE_OF(upid));
  if (READ(&namespace, own, ns) && READ(&inum, namespace, ns.inum) && inum == now->pid_inode)
    return READ(&number, own, nr) ? number : 0;
  return READ(&number, first, nr) ? number : 0;
}

// net.mptcp.enabled of the caller's network namespace; see mptcpize.bpf.c.
INLINE bool mptcp_is_on(int id) {
  if (id <= 0 || id > 63) return true;
  void **slots = (void **)&bpf_get_current_task_btf()->nsproxy->net_ns->gen->ptr;
  return AS(mptcp_pernet, AS(list_head, slots + id)->next)->mptcp_enabled;
}

// --- The socket -------------------------------------------------------------

// The socket that the calling process has open as `fd`; NULL for any other file.
INLINE struct socket *socket_of(int fd) {
  struct file **files, *file = 0;
  struct fdtable *table = current_process()->files->fdt;
  if (fd < 0 || (uint32_t)fd >= table->max_fds) return 0;
  files = table->fd;
  if (bpf_probe_read_kernel(&file, sizeof file, files + fd) != 0 || !file) return 0;
  void *opened = AS(file, file)->private_data;
  if (!opened || AS(socket, opened)->file != file) return 0;
  return opened;
}

INLINE uint64_t inode_of(struct socket *socket) {
  return AS(socket_alloc, socket)->vfs_inode.i_ino;
}

// Whether it is one of TCP's, or MPTCP's.
INLINE bool is_stream(struct socket *socket) {
  struct sock *sk = AS(socket, socket)->sk;
  if (!sk || AS(socket, socket)->type != SOCK_STREAM) return false;
  uint16_t family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;
  return (family == AF_INET || family == AF_INET6) &&
         (protocol == IPPROTO_TCP || protocol == MPTCPIZE_IPPROTO_MPTCP);
}

// What is to be known of a new one.
INLINE void describe(struct mptcpize_events_socket *who, const struct mptcpize_events_run *now,
                     struct socket *socket) {
  struct sock *sk = AS(socket, socket)->sk;
  who->pid = current_pid(now);
  who->fd = -1;
  who->family = sk->__sk_common.skc_family;
  who->protocol = sk->sk_protocol;
  // As an MPTCP socket would have been refused.
  if (who->protocol == IPPROTO_TCP) {
    if (who->family == AF_INET6 && !now->mptcpv6)
      who->error = EPROTONOSUPPORT;
    else if (!mptcp_is_on(now->pernet))
      who->error = ENOPROTOOPT;
  }
  bpf_get_current_comm(who->program, sizeof who->program);
}

INLINE void set_local(struct mptcpize_address *to, struct sock *sk) {
  to->family = sk->__sk_common.skc_family;
  to->port = sk->__sk_common.skc_num;
  if (to->family == AF_INET) {
    uint32_t address = sk->__sk_common.skc_rcv_saddr;
    __builtin_memcpy(to->bytes, &address, sizeof address);
  } else if (HAS_MEMBER(sock_common, skc_v6_rcv_saddr)) {
    bpf_probe_read_kernel(to->bytes, sizeof to->bytes, &sk->__sk_common.skc_v6_rcv_saddr);
  }
}

INLINE void set_remote(struct mptcpize_address *to, struct sock *sk) {
  to->family = sk->__sk_common.skc_family;
  to->port = __builtin_bswap16(sk->__sk_common.skc_dport);
  if (to->family == AF_INET) {
    uint32_t address = sk->__sk_common.skc_daddr;
    __builtin_memcpy(to->bytes, &address, sizeof address);
  } else if (HAS_MEMBER(sock_common, skc_v6_daddr)) {
    bpf_probe_read_kernel(to->bytes, sizeof to->bytes, &sk->__sk_common.skc_v6_daddr);
  }
}

// From a struct sockaddr_in or sockaddr_in6 of the program.
INLINE void set_peer(struct mptcpize_address *to, const void *address, int length) {
  struct {
    uint16_t family, port;
    uint32_t inet;
    uint8_t inet6[16];
    uint32_t scope;
  } peer = {0};
  if (length >= 28) {
    if (bpf_probe_read_user(&peer, 28, address) != 0) return;
  } else if (length < 16 || bpf_probe_read_user(&peer, 16, address) != 0) {
    return;
  }
  if (peer.family == AF_INET) {
    __builtin_memcpy(to->bytes, &peer.inet, sizeof peer.inet);
  } else if (peer.family == AF_INET6 && length >= 28) {
    __builtin_memcpy(to->bytes, peer.inet6, sizeof peer.inet6);
    to->scope = peer.scope;
  } else {
    return;
  }
  to->family = peer.family;
  to->port = __builtin_bswap16(peer.port);
}

#endif
