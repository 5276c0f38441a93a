// Interposer/stalls.c describes the fault and both parts of the remedy. The supervisor takes part
// in fewer calls than the library:
//
// - TCP_NOTSENT_LOWAT is set when the socket is made. Accepted sockets inherit it.
// - The window is opened when a program first asks for the address of a connection (getsockname) or
//   for an option of it, or sets one. For this the filter sends getsockname and SO_ERROR, by which
//   a connect ends that did not wait; not TCP_NODELAY, which costs servers more than it helps:
//   those in Go ask for the address too. Not before, on a fresh socket: its subflow would keep the
//   small buffer, so that the window grows to 125 KB and no further; and if the subflow is there
//   already, the connection and all that a listener accepts have a smaller window scale for good,
//   whether they turn out to be MPTCP or not (Linux 6.18).

#include "stalls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kept.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
enum { CHOSEN = 2 };  // SOCK_RCVBUF_LOCK, linux/socket.h

static void set_int(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

void stalls_made(const struct server *server, int socket) {
  if (!server->supervision->stalls) return;
  set_int(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, MPTCPIZE_STALLS_NOT_SENT);
}

static bool speaks_mptcp(int fd) {
  enum { FALLBACK = 1, REMOTE_KEY_RECEIVED = 2 };
  long flags = target_mptcp_flags(fd);
  return flags >= 0 && !(flags & FALLBACK) && flags & REMOTE_KEY_RECEIVED;
}

// A connection has this done to it once. Other threads may use it meanwhile: between the two steps
// poll(2) waits, and a read that begins there waits for more than one byte.
static void open_window(const struct server *server, int fd) {
  int32_t widest = atomic_load_explicit(&server->shared->widest, memory_order_relaxed);
  if (!widest) widest = MPTCPIZE_STALLS_RECEIVE_BUFFER;
  if (target_int(fd, SOL_SOCKET, SO_RCVBUF) >= widest || !speaks_mptcp(fd)) return;
  // A size that was chosen does not grow.
  if (target_int(fd, SOL_SOCKET, SO_BUF_LOCK) & CHOSEN) return;
  int before = target_int(fd, SOL_SOCKET, SO_RCVLOWAT);
  if (before < 0) return;
  set_int(fd, SOL_SOCKET, SO_RCVLOWAT, MPTCPIZE_STALLS_WINDOW);
  set_int(fd, SOL_SOCKET, SO_RCVLOWAT, before);
  // Where net.ipv4.tcp_rmem allows no more, no other connection is tried again and again.
  int32_t reached = target_int(fd, SOL_SOCKET, SO_RCVBUF);
  if (reached > 0 && reached < widest) {
    atomic_store_explicit(&server->shared->widest, reached, memory_order_relaxed);
  }
}

void stalls_seen(const struct server *server, const struct target *target) {
  if (server->supervision->stalls) open_window(server, target->fd);
}

void stalls_call(struct caller *caller, const struct call *call) {
  int fd = caller_borrow(caller, (int)call->arguments[0]);
  if (fd < 0) return;
  open_window(caller->server, fd);
  close(fd);
}

// --- What the program sees ---------------------------------------------------------------------

// What a TCP socket of the caller's shows of its receive buffer; -1: not known.
static int32_t buffer_of_tcp(const struct caller *caller, int family, const int32_t *asked) {
  int socket = socket_for(caller, family, SOCK_STREAM, IPPROTO_TCP);
  if (socket < 0) return -1;
  if (asked) set_int(socket, SOL_SOCKET, SO_RCVBUF, *asked);
  int32_t shown = target_int(socket, SOL_SOCKET, SO_RCVBUF);
  close(socket);
  return shown;
}

bool stalls_choose_buffer(const struct caller *caller, const struct target *target, int32_t asked,
                          int32_t *shown) {
  if (!caller->server->supervision->stalls) return false;
  *shown = buffer_of_tcp(caller, target->family, &asked);
  return *shown >= 0 && *shown < MPTCPIZE_STALLS_RECEIVE_BUFFER;
}

bool stalls_hides(const struct caller *caller, const struct target *target, const struct call *call,
                  int32_t found, int32_t *shown) {
  int level = (int)call->arguments[1], number = (int)call->arguments[2];
  if (!caller->server->supervision->stalls) return false;
  if (level == IPPROTO_TCP && number == TCP_NOTSENT_LOWAT) {
    *shown = 0;
    return found == MPTCPIZE_STALLS_NOT_SENT;
  }
  if (level == SOL_SOCKET && number == SO_BUF_LOCK) {
    const struct mptcpize_option *buffer = mptcpize_option_find(SOL_SOCKET, SO_RCVBUF);
    size_t count;
    int32_t line = (int32_t)(buffer - mptcpize_option_table(&count)), unused;
    *shown = found | CHOSEN;
    return kept_get(caller->server->shared, target->inode, line, &unused);
  }
  if (level != SOL_SOCKET || number != SO_RCVBUF) return false;
  if (target_int(target->fd, SOL_SOCKET, SO_BUF_LOCK) & CHOSEN) return false;
  *shown = buffer_of_tcp(caller, target->family, NULL);
  return *shown >= 0 && *shown < found;
}
