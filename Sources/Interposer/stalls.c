// From Linux 6.15 on (6.16, 6.18, 7.2 tried), data that arrives while a reader holds the MPTCP
// socket stays on the subflow. TCP acknowledges it at once, with the old DATA_ACK. When recvmsg
// moves it to the MPTCP socket, no new DATA_ACK is sent: mptcp_cleanup_rbuf looks at TCP's window,
// which is open. A sender that has used up DATA_ACK + window, or its send buffer, waits for MPTCP's
// timer, 200 ms. docs/kernel-stall.md has a capture.
//
// About one window of data can arrive while the reader holds the lock. So the library makes the
// window too large to be used up, and limits what the sender sends at once:
//
// - SO_RCVLOWAT beyond the window opens it, by up to half of net.ipv4.tcp_rmem's maximum, without
//   fixing the buffer's size as SO_RCVBUF does (mptcp_set_rcvlowat, Linux 6.7); the mark is back at
//   once. Not before the connection is made: it would have a smaller window scale for good.
// - TCP_NOTSENT_LOWAT limits what is written at once. Accepted sockets have it from their listener.

#include "stalls.h"

int32_t stalls_last = STALLS_NONE;

// --- Whether the kernel has the fault ----------------------------------------------------

enum { UNKNOWN, FAULTY, SOUND };
static uint8_t kernel_state;

// The fault itself shows only while data and a reader meet. Of what a socket tells for one call,
// the nearest sign is an option that came one release later, SO_PASSRIGHTS: EOPNOTSUPP where it is
// known but not for such sockets, ENOPROTOOPT where it is not. A later kernel without the fault is
// treated too, which costs it memory only.
static bool is_faulty(int fd) {
  uint8_t now = __atomic_load_n(&kernel_state, __ATOMIC_RELAXED);
  if (now == UNKNOWN) {
    int32_t unused;
    socklen_t length = sizeof unused;
    long answer = kernel_getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &unused, &length);
    now = answer == -EOPNOTSUPP ? FAULTY : SOUND;
    __atomic_store_n(&kernel_state, now, __ATOMIC_RELAXED);
  }
  // Not only once: a thread that has read the environment meanwhile has set it again.
  if (now == SOUND) __atomic_fetch_and(&state_flags, ~(uint32_t)STATE_STALLS, __ATOMIC_RELAXED);
  return now == FAULTY;
}

// --- The remedy --------------------------------------------------------------------------

// What the program has set at one time or another, on any socket.
static bool has_low_water, has_not_sent;

void stalls_note(int level, int number) {
  if (level == SOL_SOCKET && number == SO_RCVLOWAT) {
    __atomic_store_n(&has_low_water, true, __ATOMIC_RELAXED);
  }
  if (level == IPPROTO_TCP && number == TCP_NOTSENT_LOWAT) {
    __atomic_store_n(&has_not_sent, true, __ATOMIC_RELAXED);
  }
}

// Neither plain TCP, nor a connection that fell back.
static bool speaks_mptcp(int fd) {
  uint8_t information[4];
  socklen_t length = sizeof information;
  return kernel_getsockopt(fd, SOL_MPTCP, MPTCP_INFO, information, &length) >= 0;
}

static int32_t present(int fd, int level, int number) {
  int32_t value = -1;
  socklen_t length = sizeof value;
  return kernel_getsockopt(fd, level, number, &value, &length) < 0 ? -1 : value;
}

static void open_window(int fd, bool is_default) {
  int32_t before = is_default ? 1 : present(fd, SOL_SOCKET, SO_RCVLOWAT),
          wide = MPTCPIZE_STALLS_WINDOW;
  if (before < 0) return;
  kernel_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wide, sizeof wide);
  kernel_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &before, sizeof before);
}

static void limit_writes(int fd, bool is_default) {
  int32_t enough = MPTCPIZE_STALLS_NOT_SENT;
  if (!is_default && present(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT) != 0) return;
  kernel_setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &enough, sizeof enough);
}

// Listeners that this program image did not make are not known: what their sockets inherit, least
// of all.
static bool has_listened;

__attribute__((noinline)) int stalls_accepted(int fd) {
  UNASKED(may_set, UNASKED_STALLS);
  if (!may_set || !speaks_mptcp(fd) || !is_faulty(fd)) return fd;
  bool is_own = __atomic_load_n(&has_listened, __ATOMIC_RELAXED);
  open_window(fd, is_own && !__atomic_load_n(&has_low_water, __ATOMIC_RELAXED));
  if (!is_own) limit_writes(fd, false);
  return fd;
}

void stalls_connected(int fd) {
  __atomic_store_n(&stalls_last, fd, __ATOMIC_RELAXED);
  if (!(state() & STATE_STALLS)) return;
  UNASKED(may_set, UNASKED_STALLS);
  if (!may_set || !speaks_mptcp(fd) || !is_faulty(fd)) return;
  open_window(fd, !__atomic_load_n(&has_low_water, __ATOMIC_RELAXED));
  limit_writes(fd, !__atomic_load_n(&has_not_sent, __ATOMIC_RELAXED));
}

void stalls_listening(int fd) {
  UNASKED(may_set, UNASKED_STALLS);
  if (!may_set || !speaks_mptcp(fd) || !is_faulty(fd)) return;
  limit_writes(fd, false);
  __atomic_store_n(&has_listened, true, __ATOMIC_RELAXED);
}

bool stalls_prevented(int fd) {
  UNASKED(may_set, UNASKED_STALLS);
  return may_set && state() & STATE_STALLS && is_faulty(fd);
}
