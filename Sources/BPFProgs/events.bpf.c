// Reports to `mptcpize run --report` what becomes of the TCP sockets of a program's cgroup.
//
// The programs are loaded for one run, next to the program that selects (mptcpize.bpf.c), and end
// with the run. Programs of the cgroup watch the beginning and the end of a socket. The kernel
// never skips these, and they see the last descriptor close in any process, also in a killed one.
// Other programs watch the ends of system calls, because only these know descriptors and errors.
// The kernel does skip such tracing programs (see the spares of mptcpize.bpf.c). The next program
// that sees the socket then reports what they missed, at the latest the one at its end. Only the
// descriptor, and a connect that failed, remain unknown.

#include "BPFEvents.h"
#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "socket.bpf.h"
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
  TYPE(value, struct mptcpize_events_counts);
} counts SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_RINGBUF);
  UINT(max_entries, MPTCPIZE_EVENTS_BYTES);
} events SEC(".maps");

// By inode number. Those that find no room are not told of, and counted.
struct {
  UINT(type, BPF_MAP_TYPE_HASH);
  UINT(map_flags, BPF_F_NO_PREALLOC);
  UINT(max_entries, MPTCPIZE_EVENTS_SOCKETS);
  TYPE(key, uint64_t);
  TYPE(value, struct mptcpize_events_socket);
} sockets SEC(".maps");

struct bpf_sock;  // a struct sock, in programs of a cgroup

typedef struct mptcpize_events_socket known;

INLINE struct mptcpize_events_run *the_run(void) {
  uint32_t only = 0;
  return bpf_map_lookup_elem(&run, &only);
}

#define COUNT(member)                                                         \
  do {                                                                        \
    uint32_t only = 0;                                                        \
    struct mptcpize_events_counts *all = bpf_map_lookup_elem(&counts, &only); \
    if (all) __sync_fetch_and_add(&all->member, 1);                           \
  } while (0)

// A record about a socket, zeroed; NULL, and counted, where there is no room.
INLINE struct mptcpize_event *begin(int kind, uint64_t inode, const known *who) {
  struct mptcpize_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
  if (!event) {
    COUNT(lost);
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

// Whether a flag was not set before.
INLINE bool sets(known *who, uint32_t flag) {
  return !(__sync_fetch_and_or(&who->flags, flag) & flag);
}

// Takes note of a new socket; NULL, and counted, where there is no room.
INLINE known *know(const struct mptcpize_events_run *now, struct socket *socket, uint32_t flags) {
  uint64_t inode = inode_of(socket);
  known who = {.flags = flags};
  describe(&who, now, socket);
  if (bpf_map_update_elem(&sockets, &inode, &who, 0) != 0) {
    COUNT(lost);
    return 0;
  }
  return bpf_map_lookup_elem(&sockets, &inode);
}

INLINE void tell_beginning(uint64_t inode, known *who, int fd) {
  if (!sets(who, MPTCPIZE_EVENTS_TOLD)) return;
  who->fd = fd;
  struct mptcpize_event *event = begin(MPTCPIZE_CREATED, inode, who);
  if (!event) return;
  event->error = who->error;
  bpf_ringbuf_submit(event, 0);
}

// A record about a socket that is known; NULL for all others.
INLINE struct mptcpize_event *about(int kind, struct socket *socket, int fd) {
  uint64_t inode = inode_of(socket);
  known *who = bpf_map_lookup_elem(&sockets, &inode);
  if (!who || who->flags & MPTCPIZE_EVENTS_IGNORED) return 0;
  tell_beginning(inode, who, fd);
  if (kind != MPTCPIZE_OBSERVED) sets(who, MPTCPIZE_EVENTS_PLACED);
  return begin(kind, inode, who);
}

// --- Beginnings and ends, in the cgroup -------------------------------------------

enum { GO_ON = 1 };

SEC("cgroup/sock_create") int mptcpize_begin(struct bpf_sock *context) {
  struct mptcpize_events_run *now = the_run();
  struct socket *socket = AS(sock, context)->sk_socket;
  if (now && now->by_cgroup && socket && is_stream(socket)) know(now, socket, 0);
  return GO_ON;
}

// Where a socket is connected to, or listens, if no call has told.
INLINE void make_up_place(uint64_t inode, known *who, struct sock *sk, int wire) {
  if (wire == MPTCPIZE_WIRE_UNCONNECTED || !sets(who, MPTCPIZE_EVENTS_PLACED)) return;
  bool listens = wire == MPTCPIZE_WIRE_LISTENING;
  struct mptcpize_event *event =
      begin(listens ? MPTCPIZE_LISTENING : MPTCPIZE_CONNECTING, inode, who);
  if (!event) return;
  set_local(&event->local, sk);
  if (!listens) set_remote(&event->remote, sk);
  bpf_ringbuf_submit(event, 0);
  COUNT(made_up);
}

INLINE void tell_end(uint64_t inode, known *who, struct sock *sk) {
  struct mptcpize_event last = {0};
  answer(&last, sk);
  tell_beginning(inode, who, -1);
  make_up_place(inode, who, sk, last.wire);
  struct mptcpize_event *event = begin(MPTCPIZE_CLOSED, inode, who);
  if (!event) return;
  event->cause = MPTCPIZE_CAUSE_CLOSE;
  event->got = last.got;
  event->wire = last.wire;
  event->subflows = last.subflows;
  event->bytes_sent = last.bytes_sent;
  event->bytes_received = last.bytes_received;
  bpf_ringbuf_submit(event, 0);
}

// A socket of this cgroup that socket() has not made was accepted, and nobody was there to
// tell. Not where one may be unknown for lack of room.
INLINE void make_up_acceptance(const struct mptcpize_events_run *now, uint64_t inode,
                               struct socket *socket) {
  uint32_t only = 0;
  struct mptcpize_events_counts *all = bpf_map_lookup_elem(&counts, &only);
  if (!all || all->lost != 0) return;
  known *who = know(now, socket, MPTCPIZE_EVENTS_TOLD | MPTCPIZE_EVENTS_PLACED);
  struct mptcpize_event *event = who ? begin(MPTCPIZE_ACCEPTED, inode, who) : 0;
  if (!event) return;
  struct sock *sk = AS(socket, socket)->sk;
  set_local(&event->local, sk);
  set_remote(&event->remote, sk);
  bpf_ringbuf_submit(event, 0);
  COUNT(made_up);
}

SEC("cgroup/sock_release") int mptcpize_end(struct bpf_sock *context) {
  struct mptcpize_events_run *now = the_run();
  struct sock *sk = AS(sock, context);
  struct socket *socket = sk->sk_socket;
  if (!now || !now->by_cgroup || !socket || !is_stream(socket)) return GO_ON;
  uint64_t inode = inode_of(socket);
  // Without a file it is one that socket() has made and found no descriptor for.
  if (AS(socket, socket)->file) {
    if (!bpf_map_lookup_elem(&sockets, &inode)) make_up_acceptance(now, inode, socket);
    known *who = bpf_map_lookup_elem(&sockets, &inode);
    if (who && !(who->flags & MPTCPIZE_EVENTS_IGNORED)) tell_end(inode, who, sk);
  }
  bpf_map_delete_elem(&sockets, &inode);
  return GO_ON;
}

// --- System calls -----------------------------------------------------------------

SEC("fexit/__sys_socket") int mptcpize_socket(uint64_t *context) {
  int family = (int)context[0], type = (int)context[1], protocol = (int)context[2];
  int fd = (int)context[3];
  if (fd < 0 || (family != AF_INET && family != AF_INET6)) return 0;
  struct mptcpize_events_run *now = the_run();
  if (!now || !is_ours(now)) return 0;
  struct socket *socket = socket_of(fd);
  if (!socket || !is_stream(socket)) return 0;
  uint64_t inode = inode_of(socket);
  known *who = bpf_map_lookup_elem(&sockets, &inode);
  // The preload library's, to take a demoted socket's place.
  if (protocol == MPTCPIZE_PLAIN_TCP) protocol = IPPROTO_TCP;
  if (!mptcpize_asks_for_tcp(family, type, protocol)) {
    if (who) sets(who, MPTCPIZE_EVENTS_IGNORED);
    return 0;
  }
  if (!who && !now->by_cgroup) who = know(now, socket, MPTCPIZE_EVENTS_ELSEWHERE);
  if (who) tell_beginning(inode, who, fd);
  return 0;
}

SEC("fexit/__sys_accept4") int mptcpize_accept(uint64_t *context) {
  int fd = (int)context[4];
  struct mptcpize_events_run *now = fd < 0 ? 0 : the_run();
  if (!now || !is_ours(now)) return 0;
  struct socket *socket = socket_of(fd), *listener = socket_of((int)context[0]);
  if (!socket || !listener || !is_stream(socket)) return 0;
  uint64_t inode = inode_of(socket), of_listener = inode_of(listener);
  if (bpf_map_lookup_elem(&sockets, &inode)) return 0;
  // Its cgroup is its listener's.
  known *parent = bpf_map_lookup_elem(&sockets, &of_listener);
  uint32_t flags = MPTCPIZE_EVENTS_TOLD | MPTCPIZE_EVENTS_PLACED;
  if (!parent || parent->flags & MPTCPIZE_EVENTS_ELSEWHERE) flags |= MPTCPIZE_EVENTS_ELSEWHERE;
  known *who = know(now, socket, flags);
  if (!who) return 0;
  if (flags & MPTCPIZE_EVENTS_ELSEWHERE) COUNT(elsewhere);
  who->fd = fd;
  struct mptcpize_event *event = begin(MPTCPIZE_ACCEPTED, inode, who);
  if (!event) return 0;
  struct sock *sk = AS(socket, socket)->sk;
  set_local(&event->local, sk);
  set_remote(&event->remote, sk);
  bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("fexit/__sys_listen") int mptcpize_listen(uint64_t *context) {
  if ((int)context[2] != 0) return 0;
  struct mptcpize_events_run *now = the_run();
  if (!now || !is_ours(now)) return 0;
  int fd = (int)context[0];
  struct socket *socket = socket_of(fd);
  struct mptcpize_event *event = socket ? about(MPTCPIZE_LISTENING, socket, fd) : 0;
  if (!event) return 0;
  set_local(&event->local, AS(socket, socket)->sk);
  bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("fexit/__sys_connect") int mptcpize_connect(uint64_t *context) {
  struct mptcpize_events_run *now = the_run();
  int fd = (int)context[0], result = (int)context[3];
  if (!now || result == -EFAULT || !is_ours(now)) return 0;
  struct socket *socket = socket_of(fd);
  struct mptcpize_event *event = socket ? about(MPTCPIZE_CONNECTING, socket, fd) : 0;
  if (!event) return 0;
  event->error = result < 0 ? -result : 0;
  set_peer(&event->remote, (const void *)context[1], (int)context[2]);
  set_local(&event->local, AS(socket, socket)->sk);
  bpf_ringbuf_submit(event, 0);
  return 0;
}

// --- The socket itself ------------------------------------------------------------

// A socket of the kernel's own, as each subflow is, has no file.
SEC("fentry/inet_shutdown") int mptcpize_shutdown(uint64_t *context) {
  struct socket *socket = (struct socket *)context[0];
  struct sock *sk = AS(socket, socket)->file ? AS(socket, socket)->sk : 0;
  struct mptcpize_event *event = sk ? about(MPTCPIZE_OBSERVED, socket, -1) : 0;
  if (!event) return 0;
  answer(event, AS(sock, sk));
  bpf_ringbuf_submit(event, 0);
  return 0;
}

// Of sockets that the cgroup's own program does not see.
SEC("fentry/inet_release") int mptcpize_release(uint64_t *context) {
  struct socket *socket = (struct socket *)context[0];
  struct sock *sk = AS(socket, socket)->file ? AS(socket, socket)->sk : 0;
  if (!sk) return 0;
  uint64_t inode = inode_of(socket);
  known *who = bpf_map_lookup_elem(&sockets, &inode);
  if (!who || !(who->flags & MPTCPIZE_EVENTS_ELSEWHERE)) return 0;
  tell_end(inode, who, AS(sock, sk));
  bpf_map_delete_elem(&sockets, &inode);
  return 0;
}
