// Over TCP, a program may read as much as FIONREAD said, and then wait: data that came later has
// raised an edge (EPOLLET, SIGIO). nginx counts down like this. MPTCP's recvmsg itself moves data
// from the subflows to the socket. From Linux 6.15 to 6.18 it does so without an edge, and the
// program waits for ever (net/mptcp/protocol.c: __mptcp_move_skbs, which calls sk_data_ready in
// older and newer versions).
//
// TCP gives an honest count and an edge for the rest. The library does the same. It does not return
// a larger number, because programs allocate by it, or block until they have read it. If
// SO_RCVLOWAT is set to its current value, the kernel raises the edge on a readable socket
// (mptcp_set_rcvlowat, Linux 6.7), wherever it is registered: under any number, in any set, in any
// process. epoll_wait looks again before it reports, so a socket that was read to its end raises
// nothing.

#include "unread.h"

#include "SocketPolicy.h"
#include "state.h"

// include/linux/socket.h
enum { MSG_PEEK = 2, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40 };

// --- How much there is ------------------------------------------------------------------

// MPTCP counts the end of the stream as a byte: whoever reads as much as was said, and no less,
// meets the end too early. Bytes are counted where they lie, without being copied. Not after an
// error, which the next call to receive would take away from the program.
static void without_end(int fd, int32_t *count) {
  struct poll_request request = {fd, POLLRDHUP, 0};
  struct kernel_timespec at_once = {0, 0};
  if (syscall5(SYS_ppoll, (long)&request, 1, (long)&at_once, 0, 8) != 1) return;
  if (request.revents & POLLERR) return;
  long there =
      syscall6(SYS_recvfrom, fd, (long)&request, *count, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, 0, 0);
  *count = there < 0 ? 0 : (int32_t)there;
}

// --- What waits in front of the socket -----------------------------------------------------

// include/uapi/linux/sock_diag.h
struct memory {
  uint32_t used, receive_buffer, others[7];
};

static struct memory memory_of(int fd) {
  struct memory memory = {0};
  socklen_t length = sizeof memory;
  kernel_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, &memory, &length);
  return memory;
}

// A full socket leaves in the subflows what it has no room for.
static bool is_full(const struct memory *memory) { return memory->used > memory->receive_buffer; }

// Which connection it is, and how far it has received.
struct progress {
  uint64_t connection, received;
};

// By MPTCP, or by the subflow of a connection that fell back. A token is that of one connection
// only (RFC 8684, 3.1). False for what is no MPTCP socket.
static bool get_progress(int fd, struct progress *progress) {
  enum { TOKEN = 8 / 8, MPTCP_RECEIVED = 32 / 8, TCP_RECEIVED = 128 / 8 };  // linux/mptcp.h, tcp.h
  uint64_t information[TCP_RECEIVED + 1] = {0};
  socklen_t length = (MPTCP_RECEIVED + 1) * 8;
  if (kernel_getsockopt(fd, SOL_MPTCP, MPTCP_INFO, information, &length) >= 0) {
    *progress = (struct progress){information[TOKEN], information[MPTCP_RECEIVED]};
    return true;
  }
  if (kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) != MPTCPIZE_IPPROTO_MPTCP) return false;
  length = sizeof information;
  kernel_getsockopt(fd, IPPROTO_TCP, TCP_INFO, information, &length);
  *progress = (struct progress){kernel_inode(fd), information[TCP_RECEIVED]};
  return true;
}

// The state that a socket was last asked in, at the place of its connection. Who finds another
// socket's there is told of one edge too many.
enum { SOCKETS = 256 };

_Alignas(8) static uint64_t asked[SOCKETS];

// Whether neither has anything come nor been read since it was asked before.
static bool is_unchanged(const struct progress *progress, int32_t count) {
  const uint64_t odd = 0x9e3779b97f4a7c15;
  uint64_t connection = progress->connection * odd;
  uint64_t now = ((connection ^ progress->received) * odd ^ (uint32_t)count) | 1;
  return __atomic_exchange_n(&asked[(connection >> 32) % SOCKETS], now, __ATOMIC_RELAXED) == now;
}

// Who is told of levels needs no edge, which costs three system calls and one report in vain. That
// is known of numbers that were registered so, as long as this program has asked for no edge: what
// registers by other ways than epoll_ctl is not seen. One bit for each descriptor.
enum { DESCRIPTORS = 1 << 20, BITS = sizeof(unsigned long) * 8 };
static unsigned long levels[DESCRIPTORS / BITS];
static bool has_edges;

void unread_signalled(void) { __atomic_store_n(&has_edges, true, __ATOMIC_RELAXED); }

void unread_registered(int fd, uint32_t events) {
  if (events & EPOLLET) return unread_signalled();
  if (fd >= DESCRIPTORS) return;
  unsigned long bit = 1ul << (fd % BITS), *word = &levels[fd / BITS];
  if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit)) {
    __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
  }
}

static bool needs_edges(int fd) {
  if (__atomic_load_n(&has_edges, __ATOMIC_RELAXED) || fd >= DESCRIPTORS) return true;
  return !(__atomic_load_n(&levels[fd / BITS], __ATOMIC_RELAXED) >> (fd % BITS) & 1);
}

static void raise_edge(int fd) {
  int32_t mark = (int32_t)kernel_get_int(fd, SOL_SOCKET, SO_RCVLOWAT);
  if (mark >= 0) kernel_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

// --- A window that does not open -------------------------------------------------------------

// With the buffers that Linux has by default (net.ipv4.tcp_rmem) TCP takes 128 KB that nobody
// reads, MPTCP 64 to 82: whoever waits for a message of 100 KB would wait for ever.
enum { TAKEN_BY_TCP = 131072, NEARLY_CLOSED = 32768 };

static bool is_stuck(int32_t count, const struct memory *memory) {
  return count >= NEARLY_CLOSED && count < TAKEN_BY_TCP && memory->receive_buffer <= TAKEN_BY_TCP;
}

// The kernel opens the window by what is read, and until Linux 7 counts what is looked at. From
// 6.7 on a low-water mark beyond the window opens it too. Neither fixes the buffer's size, as
// SO_RCVBUF does, nor overrides one that the program has fixed. The mark is back at once; only
// sockets that nobody reads come here, so that no thread begins to wait for so much in between.
static void open_window(int fd, int32_t count) {
  char unused;
  syscall6(SYS_recvfrom, fd, (long)&unused, count, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, 0, 0);
  struct memory memory = memory_of(fd);
  int32_t mark = (int32_t)kernel_get_int(fd, SOL_SOCKET, SO_RCVLOWAT);
  if (!is_stuck(count, &memory) || mark < 0 || mark >= TAKEN_BY_TCP) return;
  int32_t enough = TAKEN_BY_TCP;
  kernel_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof enough);
  kernel_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

void unread_counted(int fd, int32_t *count) {
  UNASKED(may_count, UNASKED_COUNTING);
  if (!may_count || *count <= 0 || (state() & (STATE_INERT | STATE_STRICT))) return;
  struct progress progress;
  if (!get_progress(fd, &progress)) return;
  int32_t unread = *count;
  without_end(fd, &unread);
  if (unread != *count) *count = unread;
  if (unread <= 0) return;
  // Whoever asks again and again until a whole message is there is not told for ever that there
  // is something. Of a full socket it cannot be said that nothing was read: it is filled again.
  bool is_waiting = is_unchanged(&progress, unread), is_filled = false;
  if (is_waiting) {
    struct memory memory = memory_of(fd);
    if (is_stuck(unread, &memory)) open_window(fd, unread);
    is_filled = is_full(&memory);
  }
  if ((!is_waiting || is_filled) && needs_edges(fd)) raise_edge(fd);
}
