// The library first tries the call on the TCP socket that would take the place. So nothing changes
// if the refusal concerns the program, its user or its firewall, and not MPTCP.

#include "denied.h"

#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "fresh.h"
#include "protocol.h"
#include "record.h"
#include "state.h"

struct call {
  enum mptcpize_call name;
  int refusal;  // MPTCP's errno
  int error;    // TCP's, or 0
  bool has_begun;
  int backlog;
  const void *address;
  socklen_t length;
};

// The rest of a connect that may take its time comes when the socket is in its place: signals are
// held until then.
static int connect_without_waiting(int fd, struct call *call) {
  long flags = syscall2(SYS_fcntl, fd, F_GETFL);
  if (flags < 0) return -1;
  bool waits = !(flags & O_NONBLOCK);
  if (waits && syscall3(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
  int result = next.connect(fd, call->address, call->length);
  if (waits) {
    syscall3(SYS_fcntl, fd, F_SETFL, flags);
    call->has_begun = result < 0 && errno_get() == EINPROGRESS;
  }
  return result;
}

// The old socket may still hold the address: replace_listen knows what to do then.
static int listen_beside(int fd, struct call *call) {
  int result = next.listen(fd, call->backlog);
  call->has_begun = result < 0 && errno_get() == EADDRINUSE;
  return result;
}

static int make_call(int fd, struct call *call) {
  switch (call->name) {
    case MPTCPIZE_CALL_BIND:
      return next.bind(fd, call->address, call->length);
    case MPTCPIZE_CALL_CONNECT:
      return connect_without_waiting(fd, call);
    default:
      return listen_beside(fd, call);
  }
}

static bool is_denial(int error) { return error == EACCES || error == EPERM; }

static int ask_tcp(int socket, void *context) {
  struct call *call = context;
  call->error = make_call(socket, call) < 0 ? errno_get() : 0;
  return is_denial(call->error) ? call->error : 0;
}

static void record(int fd, void *context) {
  const struct call *call = context;
  record_remedied(fd, MPTCPIZE_LEVEL_CALL, call->name, MPTCPIZE_DEMOTE, call->refusal);
}

static bool is_ours(int fd) {
  UNASKED(may_ask, UNASKED_REPLACEMENT);
  return may_ask && kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP &&
         !protocol_is_asked_for(fd);
}

static int finish(int fd, const struct call *call) {
  if (call->has_begun) {
    return call->name == MPTCPIZE_CALL_CONNECT ? next.connect(fd, call->address, call->length)
                                               : replace_listen(fd, call->backlog);
  }
  if (call->error) errno_set(call->error);
  return call->error ? -1 : 0;
}

static int fall_back(int fd, struct call *call) {
  if ((state() & (STATE_STRICT | STATE_INERT)) || !is_ours(fd)) return -1;
  call->refusal = errno_get();
  fresh_forget(fd);
  const struct replace_reason reason = {.ask = ask_tcp, .record = record, .context = call};
  int result = replace_with_tcp_because(fd, &reason);
  if (result == REPLACE_DONE) return finish(fd, call);
  errno_set(result == REPLACE_FAILED ? call->refusal : result);
  return -1;
}

__attribute__((noinline)) static int fall_back_at(enum mptcpize_call name,
                                                  const struct address_call *at) {
  struct call call = {.name = name, .address = at->address, .length = at->length};
  return fall_back(at->fd, &call);
}

// Most calls fail for another reason: these have nothing to set up.

__attribute__((noinline)) int denied_bind(const struct address_call *at) {
  return is_denial(errno_get()) ? fall_back_at(MPTCPIZE_CALL_BIND, at) : -1;
}

__attribute__((noinline)) int denied_connect(const struct address_call *at) {
  return is_denial(errno_get()) ? fall_back_at(MPTCPIZE_CALL_CONNECT, at) : -1;
}

int denied_first_send(int fd, const void *address, socklen_t length) {
  struct address_call at = {.fd = fd, .address = address, .length = length};
  return denied_connect(&at);
}

int denied_listen(int fd, int backlog) {
  struct call call = {.name = MPTCPIZE_CALL_LISTEN, .backlog = backlog};
  return is_denial(errno_get()) ? fall_back(fd, &call) : -1;
}
