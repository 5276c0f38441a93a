// connect, and sendto and sendmsg with MSG_FASTOPEN, which connect too.

#include "denied.h"
#include "fresh.h"
#include "late.h"
#include "plain.h"
#include "policy.h"
#include "program_memory.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

static void connecting(int fd, const void *address, socklen_t length) {
  if (state() & STATE_FRESH) plain_connecting();
  if (state() & STATE_POLICY) policy_connecting(fd, address, length);
  if (state() & STATE_LATE) late_decide(fd, MPTCPIZE_AT_CONNECT);
}

// What connects returned `result`; EINTR leaves it connecting too.
static void connected(int fd, long result) {
  if (stalls_is_last(fd)) return;
  int error = result < 0 ? errno_get() : 0;
  if (!error || error == EINPROGRESS || error == EINTR) stalls_connected(fd);
}

__attribute__((noinline)) static int connect_unusual(int fd, const void *address,
                                                     socklen_t length) {
  bool wanted = recording();
  connecting(fd, address, length);
  int result = connect_permitted(fd, address, length);
  connected(fd, result);
  if (wanted) record_connecting(fd, address, length, result < 0 ? errno_get() : 0);
  return result;
}

__attribute__((noinline)) static int connect_ended(const struct address_call *call, int result) {
  if (result < 0) result = denied_connect(call);
  connected(call->fd, result);
  return result;
}

__attribute__((noinline)) static int connect_watched(int fd, const void *address, socklen_t length,
                                                     uint32_t flags) {
  if (flags != STATE_POLICY) return connect_unusual(fd, address, length);
  struct address_call call = {fd, length, address};
  __asm__("" : "+m"(call));  // or the compiler keeps it in saved registers
  policy_connecting(fd, address, length);
  int result = next.connect(call.fd, call.address, call.length);
  return stalls_is_last_and(call.fd, result) ? result : connect_ended(&call, result);
}

INTERPOSED int connect(int fd, const void *address, socklen_t length) {
  uint32_t flags = connect_state();
  return UNLIKELY(flags) || !stalls_is_last(fd) ? connect_watched(fd, address, length, flags)
                                                : connect_permitted(fd, address, length);
}

// include/linux/socket.h
enum { MSG_FASTOPEN = 0x20000000, SCM_RIGHTS = 1 };

__attribute__((noinline)) static long send_first(int fd, const void *data, size_t size, int flags,
                                                 const void *address, socklen_t length) {
  bool wanted = recording();
  connecting(fd, address, length);
  long result = next.sendto(fd, data, size, flags, address, length);
  if (result < 0 && denied_first_send(fd, address, length) == 0) {
    result = next.sendto(fd, data, size, flags & ~MSG_FASTOPEN, NULL, 0);
  }
  connected(fd, result);
  if (wanted) record_connecting(fd, address, length, result < 0 ? errno_get() : 0);
  return result;
}

INTERPOSED long sendto(int fd, const void *data, size_t size, int flags, const void *address,
                       socklen_t length) {
  state();
  return UNLIKELY(flags & MSG_FASTOPEN) ? send_first(fd, data, size, flags, address, length)
                                        : next.sendto(fd, data, size, flags, address, length);
}

// struct msghdr; musl's has the lengths as int, with padding in the place of the upper halves.
struct message {
  const void *name;
  socklen_t name_length;
  const void *vector;
  size_t vector_length;
  const uint8_t *control;
  size_t control_length;
  int flags;
};

struct control_header {
  size_t length;
  int level, type;
};

static bool passes_descriptors(const struct message *message) {
  size_t left = (socklen_t)message->control_length;
  const uint8_t *at = message->control;
  struct control_header header;
  while (at && left >= sizeof header && program_memory_read(&header, at, sizeof header)) {
    if (header.level == SOL_SOCKET && header.type == SCM_RIGHTS) return true;
    size_t step = ((socklen_t)header.length + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
    if (step < sizeof header || step > left) return false;
    at += step;
    left -= step;
  }
  return false;
}

__attribute__((noinline)) static long send_unusual(int fd, const struct message *message,
                                                   int flags) {
  struct message header = {.name = NULL};
  bool is_readable = program_memory_read(&header, message, sizeof header);
  bool connects = flags & MSG_FASTOPEN && is_readable;
  if (is_readable && state() & STATE_POLICY && passes_descriptors(&header)) fresh_forget_all();
  if (connects) connecting(fd, header.name, header.name_length);
  long result = next.sendmsg(fd, message, flags);
  if (result < 0 && connects && denied_first_send(fd, header.name, header.name_length) == 0) {
    result = next.sendmsg(fd, message, flags & ~MSG_FASTOPEN);
  }
  if (connects) connected(fd, result);
  if (connects && recording()) {
    record_connecting(fd, header.name, header.name_length, result < 0 ? errno_get() : 0);
  }
  return result;
}

INTERPOSED long sendmsg(int fd, const struct message *message, int flags) {
  return UNLIKELY(state() & STATE_POLICY || flags & MSG_FASTOPEN)
             ? send_unusual(fd, message, flags)
             : next.sendmsg(fd, message, flags);
}
