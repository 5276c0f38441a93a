// The kernel's answer to "what is this socket on the wire?", read from its structures.
// SocketPolicy's wire.c asks the same by system calls.

#ifndef MPTCPIZE_WIRE_BPF_H
#define MPTCPIZE_WIRE_BPF_H

#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

INLINE bool was_established(struct tcp_sock *tcp, int state) {
  if (state == TCP_SYN_SENT || state == TCP_SYN_RECV) return false;
  if (state != TCP_CLOSE) return true;
  return tcp->bytes_acked > 0 || tcp->bytes_received > 0 || tcp->segs_in > 1;
}

// Whatever the peer speaks, the kernel falls back then; segs_in is 1 after a refused connect.
INLINE bool was_reset_early(struct sock *sk) {
  struct tcp_sock *tcp = AS(tcp_sock, sk);
  return AS(sock, sk)->__sk_common.skc_state == TCP_CLOSE && tcp->segs_in > 1 &&
         tcp->bytes_received == 0 && tcp->bytes_acked <= 1;
}

// Of a TCP socket, or of the only subflow of one that fell back.
INLINE bool tcp_answer(struct mptcpize_event *event, struct sock *sk) {
  struct tcp_sock *tcp = AS(tcp_sock, sk);
  int state = AS(sock, sk)->__sk_common.skc_state;
  if (!was_established(tcp, state)) return false;
  int32_t unsent = (int32_t)(tcp->write_seq - tcp->snd_nxt);
  event->subflows = 1;
  event->bytes_sent = tcp->bytes_sent - tcp->bytes_retrans + (unsent > 0 ? unsent : 0);
  event->bytes_received = tcp->bytes_received;
  // Which counts the peer's FIN as a byte.
  bool has_fin = state == TCP_TIME_WAIT || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
                 state == TCP_CLOSING;
  if (has_fin && event->bytes_received > 0) event->bytes_received--;
  return true;
}

INLINE uint32_t subflows(struct mptcp_sock *msk) {
  uint32_t count = 0;
  if (HAS_MEMBER(mptcp_pm_data___new, extra_subflows)) {
    count = ((struct mptcp_pm_data___new *)&msk->pm)->extra_subflows;
  } else if (HAS_MEMBER(mptcp_pm_data, subflows)) {
    count = msk->pm.subflows;
  }
  struct sock *first = msk->first;
  if (!first) return count;
  int state = AS(sock, first)->__sk_common.skc_state;
  return count + (state == TCP_ESTABLISHED || state == TCP_SYN_SENT || state == TCP_SYN_RECV);
}

INLINE int mptcp_answer(struct mptcpize_event *event, struct sock *sk) {
  if (!HAS_TYPE(mptcp_sock)) return MPTCPIZE_WIRE_UNKNOWN;
  struct mptcp_sock *msk = AS(mptcp_sock, sk);
  int state = sk->__sk_common.skc_state;
  struct sock *first = msk->first;
  bool fell_back = HAS_MEMBER(mptcp_sock, allow_subflows) && !msk->allow_subflows;
  if (msk->can_ack && !fell_back) {
    event->subflows = subflows(msk);
    event->bytes_sent = msk->bytes_sent + (uint32_t)(msk->write_seq - msk->snd_nxt);
    event->bytes_received = msk->bytes_received;
    return MPTCPIZE_WIRE_MPTCP;
  }
  if (first && was_reset_early(first)) return MPTCPIZE_WIRE_UNKNOWN;
  bool established = first && tcp_answer(event, first);
  if (established || (state != TCP_CLOSE && state != TCP_SYN_SENT && state != TCP_SYN_RECV)) {
    return MPTCPIZE_WIRE_FALLBACK;
  }
  return MPTCPIZE_WIRE_UNCONNECTED;
}

INLINE void answer(struct mptcpize_event *event, struct sock *sk) {
  event->bytes_sent = event->bytes_received = MPTCPIZE_BYTES_UNKNOWN;
  event->got = sk->sk_protocol;
  if (sk->__sk_common.skc_state == TCP_LISTEN) {
    event->wire = MPTCPIZE_WIRE_LISTENING;
  } else if (event->got == IPPROTO_TCP) {
    event->wire = tcp_answer(event, sk) ? MPTCPIZE_WIRE_TCP : MPTCPIZE_WIRE_UNCONNECTED;
  } else {
    event->wire = mptcp_answer(event, sk);
  }
}

#endif
