// What is this socket on the wire? SO_PROTOCOL is 262 for a connection that has
// fallen back to TCP. TCP_IS_MPTCP is 1 before any connection, and does not exist
// before Linux 6.10. "mptcp" as TCP_ULP proves nothing. This holds on every kernel:
//
//   MPTCP_INFO is answered, REMOTE_KEY_RECEIVED is set   MPTCP was negotiated
//   MPTCP_INFO is answered, the flag is not set          not established, or a listener
//   MPTCP_INFO is refused, TCP's own options are read    fallen back: the socket hands
//                                                        such calls to its TCP subflow;
//                                                        unless it was reset before any data
//   both are refused                                     Linux < 5.16, MPTCP or not yet
//
// net/mptcp/sockopt.c: mptcp_getsockopt(), mptcp_getsockopt_info().

#include "SocketEvents.h"
#include "SocketPolicy.h"

enum { SOL_SOCKET = 1, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38 };
enum { IPPROTO_TCP = 6, TCP_WINDOW_CLAMP = 10, TCP_INFO = 11 };
enum { SOL_MPTCP = 284, MPTCP_INFO = 1 };
enum { SIOCOUTQNSD = 0x894b };  // bytes of the send queue not yet sent

enum { FLAG_FALLBACK = 1, FLAG_REMOTE_KEY_RECEIVED = 2 };

// struct mptcp_info, include/uapi/linux/mptcp.h. It only grows: Linux 6.1 ends
// behind csum_enabled, the byte counters came with 6.5, subflows_total with 6.8.
struct mptcp_info {
  uint8_t extra_subflows;
  uint8_t counters[5];
  uint16_t padding;
  uint32_t flags;
  uint32_t token;
  uint64_t sequences[3];
  uint8_t local_addresses[3];
  uint8_t padding2;
  uint32_t retransmits;
  uint64_t bytes_retransmitted;
  uint64_t bytes_sent;
  uint64_t bytes_received;
  uint64_t bytes_acknowledged;
  uint8_t subflows_total;
} __attribute__((packed));

_Static_assert(offsetof(struct mptcp_info, flags) == 8, "linux/mptcp.h");
_Static_assert(offsetof(struct mptcp_info, bytes_sent) == 56, "linux/mptcp.h");
_Static_assert(offsetof(struct mptcp_info, subflows_total) == 80, "linux/mptcp.h");

// struct tcp_info, include/uapi/linux/tcp.h, as far as it is read.
struct tcp_info {
  uint8_t state;
  uint8_t padding[119];
  uint64_t bytes_acknowledged;
  uint64_t bytes_received;
  uint32_t segments_out, segments_in;
  uint32_t bytes_not_sent;
  uint8_t padding2[52];
  uint64_t bytes_sent;
  uint64_t bytes_retransmitted;
} __attribute__((packed));

_Static_assert(offsetof(struct tcp_info, bytes_acknowledged) == 120, "linux/tcp.h");
_Static_assert(offsetof(struct tcp_info, bytes_sent) == 200, "linux/tcp.h");

// include/net/tcp_states.h
enum { TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_CLOSE = 7, TCP_LISTEN = 10 };

#define HAS(length, type, member) ((length) >= offsetof(type, member) + sizeof((type){0}.member))

static bool read_int(int fd, const struct mptcpize_kernel *kernel, int level, int name,
                     int32_t *value) {
  uint32_t length = sizeof *value;
  *value = 0;
  return kernel->getsockopt(fd, level, name, value, &length) >= 0;
}

static bool was_established(const struct tcp_info *info) {
  if (info->state == TCP_SYN_SENT || info->state == TCP_SYN_RECV) return false;
  if (info->state != TCP_CLOSE) return true;
  // Closed for good or never open. An acknowledged SYN counts as one byte; a
  // passive opening sees the SYN and its acknowledgement; a refusal is one segment.
  return info->bytes_acknowledged > 0 || info->bytes_received > 0 || info->segments_in > 1;
}

// bytes_received counts the peer's FIN as a byte once the state shows that it came.
static bool has_peer_fin(uint8_t state) {
  enum { TIME_WAIT = 6, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };
  return state == TIME_WAIT || state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

// A reset before the first data has the kernel fall back, whatever the peer speaks
// (subflow_check_data_avail of net/mptcp/subflow.c). What else closes a subflow for good
// takes its numbers away, or counts a FIN.
static bool was_reset_early(const struct tcp_info *info) {
  return info->state == TCP_CLOSE && info->segments_in > 0 && info->bytes_received == 0 &&
         info->bytes_acknowledged <= 1;  // the SYN
}

// Fills in what TCP_INFO tells; MPTCPIZE_WIRE_TCP stands for an established
// connection, whoever asks for it.
static uint8_t tcp_answer(int fd, const struct mptcpize_kernel *kernel,
                          struct mptcpize_answer *answer) {
  struct tcp_info info = {0};
  uint32_t length = sizeof info;
  if (kernel->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) {
    return MPTCPIZE_WIRE_UNKNOWN;
  }
  if (info.state == TCP_LISTEN) return MPTCPIZE_WIRE_LISTENING;
  if (!was_established(&info)) return MPTCPIZE_WIRE_UNCONNECTED;
  answer->subflows = 1;
  if (HAS(length, struct tcp_info, bytes_retransmitted)) {
    answer->bytes_sent = info.bytes_sent - info.bytes_retransmitted + info.bytes_not_sent;
    answer->bytes_received = info.bytes_received;
    if (has_peer_fin(info.state) && info.bytes_received > 0) answer->bytes_received--;
  }
  return MPTCPIZE_WIRE_TCP;
}

static void mptcp_numbers(int fd, const struct mptcpize_kernel *kernel,
                          const struct mptcp_info *info, uint32_t length,
                          struct mptcpize_answer *answer) {
  if (HAS(length, struct mptcp_info, subflows_total)) {
    answer->subflows = info->subflows_total;  // 0 once all of them are closed
  } else {
    answer->subflows = info->extra_subflows + 1u;
  }
  if (HAS(length, struct mptcp_info, bytes_received)) {
    int32_t unsent = 0;
    if (kernel->ioctl(fd, SIOCOUTQNSD, &unsent) < 0 || unsent < 0) unsent = 0;
    answer->bytes_sent = info->bytes_sent + (uint32_t)unsent;
    answer->bytes_received = info->bytes_received;
  }
}

static uint8_t mptcp_refused(int fd, const struct mptcpize_kernel *kernel,
                             struct mptcpize_answer *answer) {
  int32_t value;
  if (read_int(fd, kernel, SOL_SOCKET, SO_ACCEPTCONN, &value) && value) {
    return MPTCPIZE_WIRE_LISTENING;
  }
  if (!read_int(fd, kernel, IPPROTO_TCP, TCP_WINDOW_CLAMP, &value)) return MPTCPIZE_WIRE_UNKNOWN;
  struct tcp_info info = {0};
  uint32_t length = sizeof info;
  kernel->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
  if (was_reset_early(&info)) return MPTCPIZE_WIRE_UNKNOWN;
  tcp_answer(fd, kernel, answer);
  return MPTCPIZE_WIRE_FALLBACK;
}

bool mptcpize_wire_answer(int fd, const struct mptcpize_kernel *kernel,
                          struct mptcpize_answer *answer) {
  *answer = (struct mptcpize_answer){
      .wire = MPTCPIZE_WIRE_UNKNOWN,
      .bytes_sent = MPTCPIZE_BYTES_UNKNOWN,
      .bytes_received = MPTCPIZE_BYTES_UNKNOWN,
  };
  struct mptcp_info info = {0};
  uint32_t length = sizeof info;
  int32_t value;
  if (kernel->getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length) >= 0) {
    answer->protocol = MPTCPIZE_IPPROTO_MPTCP;
    if (info.flags & FLAG_FALLBACK) {
      answer->wire = mptcp_refused(fd, kernel, answer);
    } else if (info.flags & FLAG_REMOTE_KEY_RECEIVED) {
      answer->wire = MPTCPIZE_WIRE_MPTCP;
      mptcp_numbers(fd, kernel, &info, length, answer);
    } else if (read_int(fd, kernel, SOL_SOCKET, SO_ACCEPTCONN, &value) && value) {
      answer->wire = MPTCPIZE_WIRE_LISTENING;
    } else {
      answer->wire = MPTCPIZE_WIRE_UNCONNECTED;
    }
    return true;
  }
  if (!read_int(fd, kernel, SOL_SOCKET, SO_PROTOCOL, &value)) return false;
  if (value == IPPROTO_TCP) {
    answer->protocol = IPPROTO_TCP;
    answer->wire = tcp_answer(fd, kernel, answer);
    return true;
  }
  if (value != MPTCPIZE_IPPROTO_MPTCP) return false;
  answer->protocol = MPTCPIZE_IPPROTO_MPTCP;
  answer->wire = mptcp_refused(fd, kernel, answer);
  return true;
}
