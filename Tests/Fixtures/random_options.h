// The options that random_sockets.c sets and gets, with values that leave a connection working.

#ifndef RANDOM_OPTIONS_H
#define RANDOM_OPTIONS_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

// DIFFERS, all of them:
enum {
  FRESH_ONLY = 1,        // refused on a socket that is connected or listening already
  NO_GET = 2,            // the answer differs by nature
  NO_GET_CONNECTED = 4,  // the same, once there is a connection or a listener
  NO_GET_UNSET = 8,      // the kernel's own choice, until it is set
};

enum { VALUES = 4 };

struct option {
  const char *name;
  int level, number, only;
  int values[VALUES];
  socklen_t (*make)(uint8_t *value, uint32_t which);  // where it is no integer
};

static socklen_t make_linger(uint8_t *value, uint32_t which) {
  struct linger linger = {(int)which & 1, (int)which * 3};
  memcpy(value, &linger, sizeof linger);
  return sizeof linger;
}

static socklen_t make_time(uint8_t *value, uint32_t which) {
  struct timeval time = {(time_t)which, 250000 * (int)which};
  memcpy(value, &time, sizeof time);
  return sizeof time;
}

static socklen_t make_congestion(uint8_t *value, uint32_t which) {
  // The one that everybody may choose everywhere; with its end and without.
  memcpy(value, "reno", 5);
  return which & 1 ? 4 : 5;
}

static socklen_t make_device(uint8_t *value, uint32_t which) {
  if (which == 0) return 1;
  memcpy(value, which == 1 ? "none" : "lo", 2);
  return 3;
}

static socklen_t make_filter(uint8_t *value, uint32_t which) {
  static struct sock_filter accept_all[] = {{BPF_RET | BPF_K, 0, 0, 0xffffffff}};
  struct sock_fprog program = {(unsigned short)(which ? 1 : 0), accept_all};
  memcpy(value, &program, sizeof program);
  return sizeof program;
}

#define O(level, name, only, ...) \
  { #name, level, name, only, {__VA_ARGS__ }, NULL }
#define M(level, name, only, make) \
  { #name, level, name, only, {0 }, make }

static const struct option options[] = {
    O(SOL_SOCKET, SO_REUSEADDR, 0, 0, 1, 1, 5),
    O(SOL_SOCKET, SO_REUSEPORT, 0, 0, 1, 1, 5),
    O(SOL_SOCKET, SO_KEEPALIVE, 0, 0, 1, -1, 5),
    O(SOL_SOCKET, SO_SNDBUF, NO_GET_UNSET, 0, 4096, 100000, 30000),
    O(SOL_SOCKET, SO_RCVBUF, 0, 0, 4096, 100000, 30000),
    O(SOL_SOCKET, SO_PRIORITY, 0, 0, 1, 5, 6),
    O(SOL_SOCKET, SO_RCVLOWAT, NO_GET_CONNECTED, 0, 1, 1, 1),
    O(SOL_SOCKET, SO_OOBINLINE, 0, 0, 1, 1, 5),
    O(SOL_SOCKET, SO_BROADCAST, NO_GET, 0, 1, 1, 5),
    O(SOL_SOCKET, SO_TIMESTAMP, 0, 0, 1, 1, 0),
    O(SOL_SOCKET, SO_MARK, 0, 0, 1, 7, 0),
    O(SOL_SOCKET, SO_ZEROCOPY, NO_GET, 0, 0, 0, 0),
    O(SOL_SOCKET, SO_TYPE, 0, 0, 1, 2, 3),
    O(SOL_SOCKET, SO_ERROR, 0, 0, 1, 2, 3),
    O(SOL_SOCKET, SO_DOMAIN, 0, 0, 1, 2, 3),
    O(SOL_SOCKET, SO_ACCEPTCONN, 0, 0, 1, 2, 3),
    O(SOL_SOCKET, SO_PEEK_OFF, FRESH_ONLY, -1, -1, -1, -1),
    O(SOL_SOCKET, SO_BUSY_POLL, 0, 0, 0, 50, -1),
    O(SOL_SOCKET, SO_LOCK_FILTER, FRESH_ONLY, 0, 0, 1, 5),
    M(SOL_SOCKET, SO_LINGER, 0, make_linger),
    M(SOL_SOCKET, SO_RCVTIMEO, 0, make_time),
    M(SOL_SOCKET, SO_SNDTIMEO, 0, make_time),
    M(SOL_SOCKET, SO_BINDTODEVICE, FRESH_ONLY, make_device),
    M(SOL_SOCKET, SO_ATTACH_FILTER, FRESH_ONLY, make_filter),
    O(IPPROTO_TCP, TCP_NODELAY, 0, 0, 1, 1, 5),
    O(IPPROTO_TCP, TCP_CORK, 0, 0, 0, 1, 0),
    O(IPPROTO_TCP, TCP_MAXSEG, NO_GET_CONNECTED, 0, 500, 1000, 40000),
    O(IPPROTO_TCP, TCP_KEEPIDLE, 0, 10, 60, 100, 32767),
    O(IPPROTO_TCP, TCP_KEEPINTVL, 0, 10, 60, 100, 32767),
    O(IPPROTO_TCP, TCP_KEEPCNT, 0, 1, 3, 5, 127),
    O(IPPROTO_TCP, TCP_SYNCNT, 0, 0, 3, 5, 200),
    O(IPPROTO_TCP, TCP_LINGER2, 0, 0, 10, -1, 60),
    O(IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0, 0, 0, 0),
    O(IPPROTO_TCP, TCP_WINDOW_CLAMP, NO_GET_CONNECTED, 40000, 30000, 60000, 50000),
    // DIFFERS: 0 delays the last step of the handshake, and with it the order of accept.
    O(IPPROTO_TCP, TCP_QUICKACK, NO_GET_CONNECTED, 1, 1, 1, 5),
    O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 0, 0, 1, 2, -1),
    O(IPPROTO_TCP, TCP_THIN_DUPACK, 0, 0, 1, 2, -1),
    O(IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, 9000, 20000, -5),
    O(IPPROTO_TCP, TCP_FASTOPEN, 0, 0, 5, 10, -1),
    O(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 0, 0, 1, 2, -1),
    O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, NO_GET_CONNECTED, 0, 16384, -1, 100000),
    O(IPPROTO_TCP, TCP_SAVE_SYN, FRESH_ONLY, 0, 1, 2, 3),
    O(IPPROTO_TCP, TCP_TX_DELAY, FRESH_ONLY, 0, 0, -1, 0),
    O(IPPROTO_TCP, TCP_INQ, 0, 0, 1, 2, -1),
    M(IPPROTO_TCP, TCP_CONGESTION, 0, make_congestion),
    O(IPPROTO_IP, IP_TOS, 0, 0, 16, 8, 255),
    O(IPPROTO_IP, IP_TTL, FRESH_ONLY, 64, -1, 30, 0),
    O(IPPROTO_IP, IP_MINTTL, FRESH_ONLY, 0, 5, 10, 300),
    O(IPPROTO_IP, IP_MTU_DISCOVER, 0, 0, 1, 2, 9),
    O(IPPROTO_IP, IP_RECVERR, 0, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_RECVTTL, 0, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_PKTINFO, 0, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_MTU, NO_GET_CONNECTED, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_FREEBIND, 0, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_TRANSPARENT, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 0, 1, 0, 5),
    O(IPPROTO_IP, IP_MULTICAST_LOOP, 0, 0, 1, 0, 5),
    O(IPPROTO_IPV6, IPV6_V6ONLY, FRESH_ONLY, 0, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_TCLASS, 0, 0, 16, -1, 300),
    O(IPPROTO_IPV6, IPV6_UNICAST_HOPS, FRESH_ONLY, 64, -1, 30, 300),
    O(IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0, 0, 1, 2, 9),
    O(IPPROTO_IPV6, IPV6_RECVERR, 0, 0, 1, 0, 5),
    O(IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, 0, 1, 0, 5),
    O(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0, 0, 1, 0, 5),
    O(IPPROTO_IPV6, IPV6_DONTFRAG, 0, 0, 1, 0, 5),
    O(IPPROTO_TCP, 250, 0, 0, 1, 2, 3),
};

enum { OPTIONS = sizeof options / sizeof *options };

#undef O
#undef M

#endif
