// Tells `mptcpize run --report` what becomes of the TCP sockets of a program's cgroup.
//
// Loaded for one run, beside the program that selects (mptcpize.bpf.c), and gone with it.
// The system calls are watched where they end, for they alone know descriptors; closing is
// watched in the socket itself, so that the last of all descriptors counts, in whichever
// process, and so does the end of a killed one.

#include "events.bpf.h"

#include "BPFEvents.h"
#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "kernel.bpf.h"
#include "wire.bpf.h"

// The helpers that read kernel memory are for GPL-compatible programs only.
const char license_name[] SEC("license") = "Dual BSD/GPL";

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 1);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_events_run);
} run SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 1);
  TYPE(key, uint32_t);
  TYPE(value, uint64_t);
} lost SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_RINGBUF);
  UINT(max_entries, MPTCPIZE_EVENTS_BYTES);
} events SEC(".maps");

// A socket of the program: who has it, as the reader knows it.
struct known {
  int32_t pid, fd;
  uint8_t family;
  uint8_t reserved;
  uint16_t protocol;
  char program[16];
};

// By inode number. Those that find no room are not told of, and counted.
struct {
  UINT(type, BPF_MAP_TYPE_HASH);
  UINT(map_flags, BPF_F_NO_PREALLOC);
  UINT(max_entries, MPTCPIZE_EVENTS_SOCKETS);
  TYPE(key, uint64_t);
  TYPE(value, struct known);
} sockets SEC(".maps");

enum { AF_INET = 2, AF_INET6 = 10, SOCK_STREAM = 1 };
enum { EFAULT = 14, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93 };

INLINE struct mptcpize_events_run *the_run(void) {
  uint32_t only = 0;
  return bpf_map_lookup_elem(&run, &only);
}

INLINE void count_lost(void) {
  uint32_t only = 0;
  uint64_t *counter = bpf_map_lookup_elem(&lost, &only);
  if (counter) __sync_fetch_and_add(counter, 1);
}

INLINE bool is_ours(const struct mptcpize_events_run *now) {
  uint32_t level = now->shallowest, deepest = now->deepest;
  for (uint32_t i = 0; i < MPTCPIZE_EVENTS_DEPTHS; i++, level++) {
    if (bpf_get_current_ancestor_cgroup_id(level) == now->cgroup) return true;
    if (level >= deepest) break;
  }
  return false;
}

// The process, as the reader sees it; by its own number where it is in an inner PID namespace.
INLINE int32_t current_pid(const struct mptcpize_events_run *now) {
  struct bpf_pidns_info seen = {0};
  if (bpf_get_ns_current_pid_tgid(now->pid_device, now->pid_inode, &seen, sizeof seen) == 0) {
    return seen.tgid;
  }
  return bpf_get_current_pid_tgid() >> 32;
}

// A record about a socket, zeroed; NULL, and counted, where there is no room.
INLINE struct mptcpize_event *begin(int kind, uint64_t inode, const struct known *who) {
  struct mptcpize_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
  if (!event) {
    count_lost();
    return 0;
  }
  __builtin_memset(event, 0, sizeof *event);
  event->kind = kind;
  event->inode = inode;
  event->pid = who->pid;
  event->fd = who->fd;
  event->family = who->family;
  event->got = who->protocol;
  __builtin_memcpy(event->program, who->program, sizeof event->program);
  return event;
}

// --- Sockets ------------------------------------------------------------------

// The socket that the calling process has open as `fd`; NULL for any other file.
INLINE struct socket *socket_of(int fd) {
  struct file **files, *file = 0;
  struct task_files *task = (struct task_files *)bpf_get_current_task_btf();
  struct fdtable *table = AS(task_struct___files, task)->files->fdt;
  if (fd < 0 || (uint32_t)fd >= table->max_fds) return 0;
  files = table->fd;
  if (bpf_probe_read_kernel(&file, sizeof file, files + fd) != 0 || !file) return 0;
  void *opened = AS(file, file)->private_data;
  if (!opened || AS(socket, opened)->file != file) return 0;
  return opened;
}

INLINE uint64_t inode_of(struct socket *socket) {
  return AS(inode, AS(file, AS(socket, socket)->file)->f_inode)->i_ino;
}

INLINE bool is_tcp(struct sock *sk) {
  uint16_t family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;
  return (family == AF_INET || family == AF_INET6) &&
         (protocol == IPPROTO_TCP || protocol == MPTCPIZE_IPPROTO_MPTCP);
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

// --- Beginnings -------------------------------------------------------------------

// net.mptcp.enabled of the caller's network namespace; see mptcpize.bpf.c.
INLINE bool mptcp_is_on(int id) {
  if (id <= 0 || id > 63) return true;
  void **slots = (void **)&bpf_get_current_task_btf()->nsproxy->net_ns->gen->ptr;
  return AS(mptcp_pernet, AS(list_head, slots + id)->next)->mptcp_enabled;
}

// What becomes known of a new socket; its inode number, 0 for none of ours.
INLINE uint64_t know(const struct mptcpize_events_run *now, struct socket *socket, int fd,
                     struct known *who) {
  struct sock *sk = AS(socket, socket)->sk;
  if (!sk || AS(socket, socket)->type != SOCK_STREAM) return 0;
  sk = AS(sock, sk);
  if (!is_tcp(sk)) return 0;
  uint64_t inode = inode_of(socket);
  who->pid = current_pid(now);
  who->fd = fd;
  who->family = sk->__sk_common.skc_family;
  who->protocol = sk->sk_protocol;
  bpf_get_current_comm(who->program, sizeof who->program);
  if (bpf_map_update_elem(&sockets, &inode, who, 0) == 0) return inode;
  count_lost();
  return 0;
}

SEC("fexit/__sys_socket") int mptcpize_socket(uint64_t *context) {
  int family = (int)context[0], type = (int)context[1], protocol = (int)context[2];
  int fd = (int)context[3];
  if (fd < 0 || (family != AF_INET && family != AF_INET6)) return 0;
  // The preload library's, to take a demoted socket's place.
  if (protocol == MPTCPIZE_PLAIN_TCP) protocol = IPPROTO_TCP;
  if (!mptcpize_asks_for_tcp(family, type, protocol)) return 0;
  struct mptcpize_events_run *now = the_run();
  if (!now || !is_ours(now)) return 0;
  struct socket *socket = socket_of(fd);
  struct known who = {0};
  uint64_t inode = socket ? know(now, socket, fd, &who) : 0;
  struct mptcpize_event *event = inode ? begin(MPTCPIZE_CREATED, inode, &who) : 0;
  if (!event) return 0;
  event->asked = protocol;
  if (who.protocol == IPPROTO_TCP) {
    // As an MPTCP socket would have been refused.
    if (family == AF_INET6 && !now->mptcpv6) {
      event->error = EPROTONOSUPPORT;
    } else if (!mptcp_is_on(now->pernet)) {
      event->error = ENOPROTOOPT;
    }
  }
  bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("fexit/__sys_accept4") int mptcpize_accept(uint64_t *context) {
  int fd = (int)context[4];
  struct mptcpize_events_run *now = fd < 0 ? 0 : the_run();
  if (!now || !is_ours(now)) return 0;
  struct socket *socket = socket_of(fd);
  struct known who = {0};
  uint64_t inode = socket ? know(now, socket, fd, &who) : 0;
  struct mptcpize_event *event = inode ? begin(MPTCPIZE_ACCEPTED, inode, &who) : 0;
  if (!event) return 0;
  struct sock *sk = AS(sock, AS(socket, socket)->sk);
  set_local(&event->local, sk);
  set_remote(&event->remote, sk);
  bpf_ringbuf_submit(event, 0);
  return 0;
}

// --- What is known already ----------------------------------------------------

// A record about a socket that is known; NULL for all others.
INLINE struct mptcpize_event *about(int kind, struct socket *socket) {
  uint64_t inode = inode_of(socket);
  struct known *who = bpf_map_lookup_elem(&sockets, &inode);
  return who ? begin(kind, inode, who) : 0;
}

SEC("fexit/__sys_listen") int mptcpize_listen(uint64_t *context) {
  if ((int)context[2] != 0) return 0;
  struct mptcpize_events_run *now = the_run();
  if (!now || !is_ours(now)) return 0;
  struct socket *socket = socket_of((int)context[0]);
  struct mptcpize_event *event = socket ? about(MPTCPIZE_LISTENING, socket) : 0;
  if (!event) return 0;
  set_local(&event->local, AS(sock, AS(socket, socket)->sk));
  bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("fexit/__sys_connect") int mptcpize_connect(uint64_t *context) {
  struct mptcpize_events_run *now = the_run();
  int result = (int)context[3];
  if (!now || result == -EFAULT || !is_ours(now)) return 0;
  struct socket *socket = socket_of((int)context[0]);
  struct mptcpize_event *event = socket ? about(MPTCPIZE_CONNECTING, socket) : 0;
  if (!event) return 0;
  event->error = result < 0 ? -result : 0;
  set_peer(&event->remote, (const void *)context[1], (int)context[2]);
  set_local(&event->local, AS(sock, AS(socket, socket)->sk));
  bpf_ringbuf_submit(event, 0);
  return 0;
}

// A socket of the kernel's own, as each subflow is, has no file.
INLINE struct mptcpize_event *answered(int kind, struct socket *socket) {
  if (!AS(socket, socket)->file) return 0;
  struct sock *sk = AS(socket, socket)->sk;
  struct mptcpize_event *event = sk ? about(kind, socket) : 0;
  if (event) answer(event, AS(sock, sk));
  return event;
}

SEC("fentry/inet_shutdown") int mptcpize_shutdown(uint64_t *context) {
  struct mptcpize_event *event = answered(MPTCPIZE_OBSERVED, (struct socket *)context[0]);
  if (event) bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("fentry/inet_release") int mptcpize_release(uint64_t *context) {
  struct socket *socket = (struct socket *)context[0];
  struct mptcpize_event *event = answered(MPTCPIZE_CLOSED, socket);
  if (event) {
    event->cause = MPTCPIZE_CAUSE_CLOSE;
    bpf_ringbuf_submit(event, 0);
  }
  if (AS(socket, socket)->file) {
    uint64_t inode = inode_of(socket);
    bpf_map_delete_elem(&sockets, &inode);
  }
  return 0;
}
