// The table has every option that TCP accepts and MPTCP refuses, found by
// Tests/Fixtures/probe_options.c on Linux 6.1, 6.12, 6.18 and 7.2. Options that MPTCP
// accepts need no line. The table is sorted by level and number.
//
// ignore: only if a program cannot notice a difference in what it receives or promises
// to its peer. demote: if correctness or security depends on the option. The second
// remedy is for a socket that is already connected or listening.

#include "SocketOptions.h"
#include "option_numbers.h"

// The integers that TCP takes.
#define ANY (INT32_MIN, INT32_MAX)
#define BOOLEAN (0, 1)

#define LINE(level_, number_, ...) \
  { .level = level_, .number = number_, .label = #number_, __VA_ARGS__ }
#define LOW(low, high) low
#define HIGH(low, high) high
#define VALUES(range, start) .low = LOW range, .high = HIGH range, .initial = start

// Ignored whatever the value; getsockopt answers it, or TCP's default.
#define IGNORE(level, number, range, start, why) \
  LINE(level, number, .remedy = MPTCPIZE_IGNORE, VALUES(range, start), .reason = why)
#define IGNORE_SWITCH(level, number, start, why)                                               \
  LINE(level, number, .remedy = MPTCPIZE_IGNORE, .get = MPTCPIZE_GET_BOOL, VALUES(ANY, start), \
       .reason = why)
#define IGNORE_BYTES(level, number, why)                                                      \
  LINE(level, number, .remedy = MPTCPIZE_IGNORE, .is_bytes = true, .get = MPTCPIZE_GET_EMPTY, \
       .reason = why)
// Refused with EINVAL once connected, when it has no effect on TCP either.
#define LATE(level, number, why)                                                              \
  LINE(level, number, .remedy = MPTCPIZE_IGNORE, .get = MPTCPIZE_GET_BOOL, .connected = true, \
       VALUES(ANY, 0), .reason = why)
#define DEMOTE(level, number, else_, harmless, range, start, why)               \
  LINE(level, number, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_##else_, \
       .hint = MPTCPIZE_HINT_##harmless, VALUES(range, start), .reason = why)
// The same where the socket's use decides: CONNECT or LISTEN.
#define DEMOTE_AT(use, level, number, else_, harmless, range, start, why)                 \
  LINE(level, number, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_##else_,           \
       .when = MPTCPIZE_AT_##use, .hint = MPTCPIZE_HINT_##harmless, VALUES(range, start), \
       .reason = why)
#define DEMOTE_SWITCH(level, number, else_, why)                                          \
  LINE(level, number, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_##else_,           \
       .when = MPTCPIZE_AT_CONNECT, .hint = MPTCPIZE_HINT_ZERO, .get = MPTCPIZE_GET_BOOL, \
       VALUES(ANY, 0), .reason = why)
// Nothing is set until it is demoted, and that is what getsockopt answers.
#define DEMOTE_BYTES(level, number, else_, why)                                 \
  LINE(level, number, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_##else_, \
       .hint = MPTCPIZE_HINT_ZERO, .is_bytes = true, .get = MPTCPIZE_GET_EMPTY, .reason = why)
// Can be set only.
#define DEMOTE_ACTION(level, number, else_, why)                                                  \
  LINE(level, number, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_##else_, .is_bytes = true, \
       .get = MPTCPIZE_GET_ERROR, .get_error = ENOPROTOOPT, .reason = why)
// Refused both ways, with TCP's errno where that is known.
#define REFUSE(level, number, set_errno, get_errno, why)                                      \
  LINE(level, number, .remedy = MPTCPIZE_REFUSE, .is_bytes = true, .get = MPTCPIZE_GET_ERROR, \
       .error = set_errno, .get_error = get_errno, .reason = why)

static const struct mptcpize_option table[] = {
    LINE(IOCTL, SIOCATMARK, .remedy = MPTCPIZE_ADJUST, .get = MPTCPIZE_GET_BOOL,
         .reason = "not at the mark: MPTCP delivers urgent data in line, so there never is one"),

#define L IPPROTO_IP
    IGNORE(L, IP_TOS, ANY, 0, "a marking for the network (refused by Linux < 5.17)"),
    DEMOTE(L, IP_TTL, REFUSE, INITIAL, ANY, 64,
           "a peer may require it (RFC 5082), a route be traced with it"),
    LINE(L, IP_HDRINCL, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT,
         .reason = "for raw sockets: TCP refuses to set it too"),
    DEMOTE_BYTES(L, IP_OPTIONS, REFUSE, "changes every packet"),
    LINE(L, IP_ROUTER_ALERT, .remedy = MPTCPIZE_REFUSE, .error = EINVAL,
         .reason = "for raw sockets: TCP refuses to set it too"),
    IGNORE_SWITCH(L, IP_RECVOPTS, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IP_RETOPTS, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IP_PKTINFO, 0, "nothing of it is delivered on a stream"),
    LINE(L, IP_PKTOPTIONS, .remedy = MPTCPIZE_REFUSE, .is_bytes = true, .get = MPTCPIZE_GET_EMPTY,
         .error = ENOPROTOOPT,
         .reason = "what the last packet carried: a connection has several paths"),
    IGNORE(L, IP_MTU_DISCOVER, (0, 5), 1, "a hint: each path finds its own MTU"),
    DEMOTE_SWITCH(L, IP_RECVERR, IGNORE, "ICMP errors at once, and an error queue"),
    IGNORE_SWITCH(L, IP_RECVTTL, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IP_RECVTOS, 0, "nothing of it is delivered on a stream"),
    LINE(L, IP_MTU, .remedy = MPTCPIZE_ADJUST, .get = MPTCPIZE_GET_MTU, .error = ENOPROTOOPT,
         .is_bytes = true, .reason = "the first path's, out of TCP_INFO"),
    LATE(L, IP_FREEBIND, "is for bind: has no effect once connected"),
    IGNORE_SWITCH(L, IP_PASSSEC, 0, "nothing of it is delivered on a stream"),
    LATE(L, IP_TRANSPARENT, "is for bind and listen: has no effect once connected"),
    IGNORE_SWITCH(L, IP_RECVORIGDSTADDR, 0, "nothing of it is delivered on a stream"),
    DEMOTE(L, IP_MINTTL, REFUSE, ZERO, (0, 255), 0,
           "security: packets from afar are to be dropped"),
    LINE(L, IP_NODEFRAG, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT,
         .reason = "for raw sockets: TCP refuses to set it too"),
    IGNORE_SWITCH(L, IP_CHECKSUM, 0, "nothing of it is delivered on a stream"),
    LATE(L, IP_BIND_ADDRESS_NO_PORT,
         "saves ports: the address alone counts (refused by Linux < 6.3; and once connected)"),
    LINE(L, IP_RECVFRAGSIZE, .remedy = MPTCPIZE_REFUSE, .error = EINVAL,
         .reason = "for datagrams: TCP refuses to set it too"),
    IGNORE(L, IP_RECVERR_RFC4884, BOOLEAN, 0, "nothing of it is delivered on a stream"),
    LINE(L, IP_MULTICAST_IF, .remedy = MPTCPIZE_REFUSE, .error = EINVAL,
         .reason = "for datagrams: TCP refuses to set it too"),
    LINE(L, IP_MULTICAST_TTL, .remedy = MPTCPIZE_REFUSE, .error = EINVAL, .initial = 1,
         .reason = "for datagrams: TCP refuses to set it too"),
    IGNORE_SWITCH(L, IP_MULTICAST_LOOP, 1, "a stream has no multicast"),
    IGNORE(L, IP_MULTICAST_ALL, BOOLEAN, 1, "a stream has no multicast"),
    DEMOTE(L, IP_UNICAST_IF, REFUSE, ZERO, ANY, 0, "decides the interface that is used"),
    LINE(L, IP_LOCAL_PORT_RANGE, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_IGNORE,
         .hint = MPTCPIZE_HINT_ZERO, .is_bytes = true, .connected = true, .early = true,
         .get = MPTCPIZE_GET_EMPTY,
         .reason =
             "firewalls may count on the port (refused by Linux < 6.3; no effect once connected)"),
    LINE(L, IP_PROTOCOL, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT, .is_bytes = true,
         .get = MPTCPIZE_GET_ERROR, .reason = "for raw sockets"),
    REFUSE(L, SO_ORIGINAL_DST, ENOPROTOOPT, ENOENT,
           "the kernel looks up TCP sockets only; no other call tells"),
#undef L

#define L SOL_SOCKET
    LATE(L, SO_REUSEADDR, "is for bind: has no effect once connected"),
    LINE(L, SO_RCVBUF, .remedy = MPTCPIZE_ADJUST, VALUES(ANY, 131072),
         .reason =
             "at least 64 KiB: with less a transfer stalls; getsockopt answers what was asked"),
    IGNORE_SWITCH(L, SO_OOBINLINE, 0,
                  "on: MPTCP does so by itself; off: the default, for which no socket is demoted"),
    LATE(L, SO_REUSEPORT, "is for bind: has no effect once connected"),
    LINE(L, SO_BINDTODEVICE, .remedy = MPTCPIZE_REFUSE, .is_bytes = true, .connected = true,
         .hint = MPTCPIZE_HINT_PRESENT, .get = MPTCPIZE_GET_ERROR, .error = EINVAL,
         .reason = "decides the interface: taken before connect, never silently dropped after it"),
    LINE(L, SO_ATTACH_FILTER, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_REFUSE,
         .is_bytes = true, .get = MPTCPIZE_GET_EMPTY,
         .reason = "security: packets are to be dropped"),
    REFUSE(L, SO_DETACH_FILTER, ENOENT, ENOPROTOOPT,
           "there is none: attaching one made the socket TCP"),
    DEMOTE(L, SO_PEEK_OFF, REFUSE, INITIAL, ANY, -1, "changes what MSG_PEEK reads"),
    DEMOTE(L, SO_LOCK_FILTER, REFUSE, ZERO, ANY, 0, "security: filters are not to change"),
    DEMOTE(L, SO_MAX_PACING_RATE, REFUSE, INITIAL, ANY, -1,
           "a promise about bandwidth; programs that are refused pace by themselves"),
    DEMOTE_ACTION(L, SO_ATTACH_BPF, REFUSE, "security: packets are to be dropped"),
    DEMOTE_ACTION(L, SO_ATTACH_REUSEPORT_CBPF, REFUSE, "decides which listener gets a connection"),
    DEMOTE_ACTION(L, SO_ATTACH_REUSEPORT_EBPF, REFUSE, "decides which listener gets a connection"),
    LINE(L, SO_CNX_ADVICE, .remedy = MPTCPIZE_IGNORE, VALUES(ANY, 0), .get = MPTCPIZE_GET_ERROR,
         .get_error = ENOPROTOOPT, .reason = "a hint to look for another route"),
    LINE(L, SO_ZEROCOPY, .remedy = MPTCPIZE_REFUSE, .hint = MPTCPIZE_HINT_ZERO, VALUES(BOOLEAN, 0),
         .reason = "programs copy instead; kernels and proxies often refuse it"),
    IGNORE_BYTES(L, SO_TXTIME, "TCP takes it and sends when it likes"),
    LINE(L, SO_BINDTOIFINDEX, .remedy = MPTCPIZE_REFUSE, .connected = true,
         .hint = MPTCPIZE_HINT_PRESENT, .error = EINVAL, VALUES(ANY, 0),
         .reason = "decides the interface: taken before connect, never silently dropped after it"),
    REFUSE(L, SO_DETACH_REUSEPORT_BPF, EINVAL, ENOPROTOOPT,
           "there is none: attaching one made the socket TCP"),
    IGNORE(L, SO_BUF_LOCK, (0, 3), 0, "tuning of automatic buffer sizes"),
    LINE(L, SO_RESERVE_MEM, .remedy = MPTCPIZE_REFUSE, .hint = MPTCPIZE_HINT_NEVER,
         .reason = "TCP refuses it too where memory is not accounted by cgroup"),
    LINE(L, SO_TXREHASH, .remedy = MPTCPIZE_IGNORE, .get = MPTCPIZE_GET_BOOL, VALUES((-1, 1), 1),
         .reason = "tuning of path choice within a network"),
    IGNORE_SWITCH(L, SO_RCVMARK, 0, "nothing of it is delivered on a stream"),
    REFUSE(L, SO_DEVMEM_DONTNEED, EINVAL, ENOPROTOOPT,
           "device memory: no program can have got any"),
    IGNORE_SWITCH(L, SO_RCVPRIORITY, 0, "nothing of it is delivered on a stream"),
#undef L

#define L IPPROTO_TCP
    IGNORE_SWITCH(L, TCP_NODELAY, 0, "tuning (refused by Linux < 5.17)"),
    LINE(L, TCP_MAXSEG, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_IGNORE,
         .hint = MPTCPIZE_HINT_ZERO, .unchecked = true, VALUES((0, 32767), 536),
         .reason = "what tunnels can carry hangs on it (refused by Linux < 6.17)"),
    LINE(L, TCP_CORK, .remedy = MPTCPIZE_ADJUST, .get = MPTCPIZE_GET_BOOL, VALUES(ANY, 0),
         .reason = "uncorking, shutdown and close push at once, which MPTCP leaves to a timer"),
    IGNORE(L, TCP_KEEPIDLE, (1, 32767), 7200, "probes keep the default rhythm (Linux < 6.2)"),
    IGNORE(L, TCP_KEEPINTVL, (1, 32767), 75, "probes keep the default rhythm (Linux < 6.2)"),
    IGNORE(L, TCP_KEEPCNT, (1, 127), 9, "probes keep the default rhythm (Linux < 6.2)"),
    IGNORE(L, TCP_SYNCNT, (1, 127), 6, "tuning: how soon an unreachable peer is given up"),
    IGNORE(L, TCP_LINGER2, ANY, 60, "tuning of the kernel's memory after close"),
    IGNORE(L, TCP_DEFER_ACCEPT, ANY, 0, "a hint: accept may come before data (Linux < 6.0)"),
    IGNORE(L, TCP_WINDOW_CLAMP, ANY, 0, "tuning of the advertised window"),
    IGNORE_SWITCH(L, TCP_QUICKACK, 1, "a hint, which TCP itself forgets at will"),
    DEMOTE_ACTION(L, TCP_MD5SIG, REFUSE, "security: segments are to be signed (RFC 2385)"),
    IGNORE(L, TCP_THIN_LINEAR_TIMEOUTS, BOOLEAN, 0, "tuning of retransmission"),
    LINE(L, TCP_THIN_DUPACK, .remedy = MPTCPIZE_IGNORE, .get = MPTCPIZE_GET_INITIAL,
         VALUES(BOOLEAN, 0), .reason = "tuning of retransmission; without effect since Linux 4.11"),
    DEMOTE_AT(CONNECT, L, TCP_USER_TIMEOUT, IGNORE, ZERO, (0, INT32_MAX), 0,
              "when a dead peer is noticed; once connected only the kernel's own time-out is left"),
    DEMOTE(L, TCP_REPAIR, REFUSE, NEVER, (-1, 1), 0, "checkpointing of the connection"),
    REFUSE(L, TCP_REPAIR_QUEUE, EPERM, EINVAL, "needs TCP_REPAIR, which made the socket TCP"),
    REFUSE(L, TCP_QUEUE_SEQ, EPERM, EINVAL, "needs TCP_REPAIR, which made the socket TCP"),
    REFUSE(L, TCP_REPAIR_OPTIONS, EINVAL, ENOPROTOOPT,
           "needs TCP_REPAIR, which made the socket TCP"),
    IGNORE(L, TCP_FASTOPEN, (0, INT32_MAX), 0,
           "a shortcut that TCP may always refuse (Linux < 6.2)"),
    REFUSE(L, TCP_TIMESTAMP, EPERM, ENOPROTOOPT, "needs TCP_REPAIR, which made the socket TCP"),
    IGNORE(L, TCP_NOTSENT_LOWAT, ANY, 0, "tuning of the send queue (Linux < 6.7)"),
    DEMOTE_AT(LISTEN, L, TCP_SAVE_SYN, REFUSE, ZERO, (0, 2), 0,
              "the listener wants to see its clients' SYN"),
    LINE(L, TCP_SAVED_SYN, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT, .is_bytes = true,
         .get = MPTCPIZE_GET_EMPTY,
         .reason = "none was saved: asking for it made the listener TCP"),
    REFUSE(L, TCP_REPAIR_WINDOW, EPERM, EINVAL, "needs TCP_REPAIR, which made the socket TCP"),
    IGNORE(L, TCP_FASTOPEN_CONNECT, BOOLEAN, 0,
           "a shortcut that TCP may always refuse (Linux < 6.2)"),
    REFUSE(L, TCP_ULP, 0, 0, "programs encrypt by themselves when kernel TLS is missing"),
    DEMOTE_ACTION(L, TCP_MD5SIG_EXT, REFUSE, "security: segments are to be signed (RFC 2385)"),
    IGNORE_BYTES(L, TCP_FASTOPEN_KEY, "a shortcut that TCP may always refuse (Linux < 6.2)"),
    IGNORE(L, TCP_FASTOPEN_NO_COOKIE, BOOLEAN, 0,
           "a shortcut that TCP may always refuse (Linux < 6.2)"),
    REFUSE(L, TCP_ZEROCOPY_RECEIVE, ENOPROTOOPT, 0,
           "programs copy instead; it often fails on TCP too"),
    LINE(L, TCP_INQ, .remedy = MPTCPIZE_REFUSE, .hint = MPTCPIZE_HINT_ZERO, VALUES(BOOLEAN, 0),
         .reason = "the number would never be delivered; programs ask FIONREAD (Linux < 5.19)"),
    DEMOTE(L, TCP_TX_DELAY, REFUSE, ZERO, (0, INT32_MAX), 0, "a simulated delay, for measuring"),
    DEMOTE_ACTION(L, TCP_AO_ADD_KEY, REFUSE, "security: segments are to be signed (RFC 5925)"),
    DEMOTE_ACTION(L, TCP_AO_DEL_KEY, REFUSE, "security: segments are to be signed (RFC 5925)"),
    DEMOTE_ACTION(L, TCP_AO_INFO, REFUSE, "security: segments are to be signed (RFC 5925)"),
    REFUSE(L, TCP_AO_GET_KEYS, ENOPROTOOPT, ENOENT,
           "there is none: adding one made the socket TCP"),
    REFUSE(L, TCP_AO_REPAIR, EPERM, EPERM, "needs TCP_REPAIR, which made the socket TCP"),
    IGNORE(L, TCP_RTO_MAX_MS, (1000, 120000), 120000, "tuning of retransmission"),
    IGNORE(L, TCP_RTO_MIN_US, (1, 200000), 200000, "tuning of retransmission"),
    IGNORE(L, TCP_DELACK_MAX_US, (1, 200000), 200000, "tuning of acknowledgements"),
#undef L

#define L IPPROTO_IPV6
    REFUSE(L, IPV6_ADDRFORM, EINVAL, EINVAL,
           "turns a socket into an AF_INET one: TCP does so only when mapped"),
    IGNORE_SWITCH(L, IPV6_2292PKTINFO, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IPV6_2292HOPOPTS, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IPV6_2292DSTOPTS, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IPV6_2292RTHDR, 0, "nothing of it is delivered on a stream"),
    DEMOTE_BYTES(L, IPV6_2292PKTOPTIONS, REFUSE, "changes every packet"),
    IGNORE_SWITCH(L, IPV6_2292HOPLIMIT, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IPV6_FLOWINFO, 0, "nothing of it is delivered on a stream"),
    DEMOTE(L, IPV6_UNICAST_HOPS, REFUSE, INITIAL, (-1, 255), 64,
           "a peer may require it (RFC 5082), a route be traced with it"),
    LINE(L, IPV6_MULTICAST_IF, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT,
         .reason = "for datagrams: TCP refuses to set it too"),
    LINE(L, IPV6_MULTICAST_HOPS, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT, .initial = 1,
         .reason = "for datagrams: TCP refuses to set it too"),
    IGNORE(L, IPV6_MULTICAST_LOOP, BOOLEAN, 1, "a stream has no multicast"),
    LINE(L, IPV6_ROUTER_ALERT, .remedy = MPTCPIZE_REFUSE, .error = ENOPROTOOPT,
         .reason = "for raw sockets: TCP refuses to set it too"),
    IGNORE(L, IPV6_MTU_DISCOVER, (0, 5), 1, "a hint: each path finds its own MTU"),
    LINE(L, IPV6_MTU, .remedy = MPTCPIZE_IGNORE, .get = MPTCPIZE_GET_MTU, VALUES(ANY, 0),
         .reason = "a hint: each path finds its own MTU; the first path's, out of TCP_INFO"),
    DEMOTE_SWITCH(L, IPV6_RECVERR, IGNORE, "ICMP errors at once, and an error queue"),
    IGNORE_SWITCH(L, IPV6_MULTICAST_ALL, 1, "a stream has no multicast"),
    IGNORE_SWITCH(L, IPV6_ROUTER_ALERT_ISOLATE, 0, "for raw sockets: without effect on TCP"),
    IGNORE(L, IPV6_RECVERR_RFC4884, BOOLEAN, 0, "nothing of it is delivered on a stream"),
    LINE(L, IPV6_FLOWLABEL_MGR, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_REFUSE,
         .is_bytes = true, .get = MPTCPIZE_GET_ERROR, .error = EINVAL, .get_error = ENOENT,
         .reason = "a label that is leased for this very socket"),
    IGNORE_SWITCH(L, IPV6_FLOWINFO_SEND, 0, "a marking for the network"),
    IGNORE_SWITCH(L, IPV6_RECVPKTINFO, 0, "nothing of it is delivered on a stream"),
    LINE(L, IPV6_PKTINFO, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_REFUSE,
         .hint = MPTCPIZE_HINT_ZERO, .is_bytes = true, .get = MPTCPIZE_GET_ERROR,
         .get_error = ENOPROTOOPT, .reason = "decides the address and interface that are used"),
    IGNORE_SWITCH(L, IPV6_RECVHOPLIMIT, 0, "nothing of it is delivered on a stream"),
    IGNORE_SWITCH(L, IPV6_RECVHOPOPTS, 0, "nothing of it is delivered on a stream"),
    DEMOTE_BYTES(L, IPV6_HOPOPTS, REFUSE, "changes every packet"),
    DEMOTE_BYTES(L, IPV6_RTHDRDSTOPTS, REFUSE, "changes every packet"),
    IGNORE_SWITCH(L, IPV6_RECVRTHDR, 0, "nothing of it is delivered on a stream"),
    DEMOTE_BYTES(L, IPV6_RTHDR, REFUSE, "decides the route that is used"),
    IGNORE_SWITCH(L, IPV6_RECVDSTOPTS, 0, "nothing of it is delivered on a stream"),
    DEMOTE_BYTES(L, IPV6_DSTOPTS, REFUSE, "changes every packet"),
    IGNORE_SWITCH(L, IPV6_RECVPATHMTU, 0, "nothing of it is delivered on a stream"),
    REFUSE(L, IPV6_PATHMTU, ENOPROTOOPT, ENOTCONN, "for datagrams; IPV6_MTU is answered"),
    IGNORE_SWITCH(L, IPV6_DONTFRAG, 0, "a stream is not fragmented"),
    IGNORE_SWITCH(L, IPV6_RECVTCLASS, 0, "nothing of it is delivered on a stream"),
    IGNORE(L, IPV6_TCLASS, (-1, 255), 0, "a marking for the network"),
    IGNORE_SWITCH(L, IPV6_AUTOFLOWLABEL, 1, "a marking for the network"),
    LINE(L, IPV6_ADDR_PREFERENCES, .remedy = MPTCPIZE_DEMOTE, .otherwise = MPTCPIZE_IGNORE,
         .when = MPTCPIZE_AT_CONNECT, .hint = MPTCPIZE_HINT_INITIAL, .early = true,
         VALUES((0, INT32_MAX), 1280),
         .reason = "privacy: which source address a peer sees; without effect once connected"),
    DEMOTE(L, IPV6_MINHOPCOUNT, REFUSE, ZERO, (0, 255), 0,
           "security: packets from afar are to be dropped"),
    IGNORE_SWITCH(L, IPV6_ORIGDSTADDR, 0, "nothing of it is delivered on a stream"),
    LATE(L, IPV6_TRANSPARENT, "is for bind and listen: has no effect once connected"),
    DEMOTE(L, IPV6_UNICAST_IF, REFUSE, ZERO, ANY, 0, "decides the interface that is used"),
    IGNORE_SWITCH(L, IPV6_RECVFRAGSIZE, 0, "nothing of it is delivered on a stream"),
    LATE(L, IPV6_FREEBIND, "is for bind: has no effect once connected"),
    REFUSE(L, IP6T_SO_ORIGINAL_DST, ENOPROTOOPT, ENOENT,
           "the kernel looks up TCP sockets only; no other call tells"),
#undef L
};

enum { COUNT = sizeof table / sizeof *table };

const struct mptcpize_option *mptcpize_option_table(size_t *count) {
  *count = COUNT;
  return table;
}

const char *mptcpize_option_label(const struct mptcpize_option *option) { return option->label; }
const char *mptcpize_option_reason(const struct mptcpize_option *option) { return option->reason; }

const struct mptcpize_option *mptcpize_option_find(int level, int number) {
  size_t first = 0, behind = COUNT;
  while (first < behind) {
    size_t middle = (first + behind) / 2;
    const struct mptcpize_option *line = &table[middle];
    if (line->level == level && line->number == number) return line;
    if (line->level < level || (line->level == level && line->number < number)) {
      first = middle + 1;
    } else {
      behind = middle;
    }
  }
  return NULL;
}
