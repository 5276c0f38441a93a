#include "record.h"

#include "SocketPolicy.h"
#include "descriptors.h"
#include "program_memory.h"
#include "state.h"

static const struct mptcpize_kernel kernel = {kernel_getsockopt, kernel_ioctl};

// The process whose memory this is. A vfork child has a PID of its own in memory
// that is its parent's, so records always ask for the PID; this one is only to tell
// a fork's parent.
static int32_t owner;

static int32_t socket_int(int fd, int name) {
  int32_t value = 0;
  socklen_t length = sizeof value;
  return kernel_getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0 ? -1 : value;
}

static bool is_tcp(int protocol) {
  return protocol == IPPROTO_TCP || protocol == MPTCPIZE_IPPROTO_MPTCP;
}

static struct mptcpize_event event_for(int kind, int fd) {
  struct mptcpize_event event = {.kind = (uint8_t)kind, .fd = fd, .pid = kernel_getpid()};
  for (size_t i = 0; i < sizeof event.program; i++) event.program[i] = state_program[i];
  if (fd >= 0) event.inode = kernel_inode(fd);
  return event;
}

// A daemon that was started under --report goes on without its costs when that has ended.
static void put(const struct mptcpize_event *event) {
  if (event->fd >= 0 && !event->inode) return;  // it became forbidden to ask for it
  if (mptcpize_ring_is_read(state_ring)) {
    mptcpize_ring_put(state_ring, event);
  } else {
    __atomic_fetch_and(&state_flags, ~(uint32_t)STATE_RECORDING, __ATOMIC_RELEASE);
  }
}

static uint16_t host_order(uint16_t port) { return (uint16_t)(port << 8 | port >> 8); }

static void set_address(struct mptcpize_address *to, const union socket_address *from,
                        socklen_t length) {
  if (length >= sizeof from->inet && from->family == AF_INET) {
    for (int i = 0; i < 4; i++) to->bytes[i] = from->inet.address[i];
    to->port = host_order(from->inet.port);
    to->family = AF_INET;
  } else if (length >= sizeof from->inet6 && from->family == AF_INET6) {
    for (int i = 0; i < 16; i++) to->bytes[i] = from->inet6.address[i];
    to->port = host_order(from->inet6.port);
    to->scope = from->inet6.scope;
    to->family = AF_INET6;
  }
}

// SYS_getsockname or SYS_getpeername.
static void ask_address(struct mptcpize_address *to, int fd, long call) {
  union socket_address address = {.family = 0};
  socklen_t length = sizeof address;
  if (syscall3(call, fd, (long)&address, (long)&length) >= 0) set_address(to, &address, length);
}

static void set_rule(struct mptcpize_event *event, int rule) {
  event->rule = (uint16_t)(rule + 1);
  event->policy = state_policy_sum;
}

void record_created(int fd, int family, int asked, int got, int refusal) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct mptcpize_event event = event_for(MPTCPIZE_CREATED, fd);
  event.family = (uint8_t)family;
  event.asked = (uint16_t)asked;
  event.got = (uint16_t)got;
  event.error = (uint16_t)refusal;
  if (refusal == MPTCPIZE_REFUSED_BY_POLICY) set_rule(&event, state_rule_for_all);
  put(&event);
}

void record_listening(int fd) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  int protocol = socket_int(fd, SO_PROTOCOL);
  if (!is_tcp(protocol)) return;
  struct mptcpize_event event = event_for(MPTCPIZE_LISTENING, fd);
  event.got = (uint16_t)protocol;
  ask_address(&event.local, fd, SYS_getsockname);
  event.family = event.local.family;
  put(&event);
}

void record_connecting(int fd, const void *address, socklen_t length, int error) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  int protocol = socket_int(fd, SO_PROTOCOL);
  if (!is_tcp(protocol)) return;
  union socket_address peer = {.family = 0};
  if (!program_memory_read(&peer, address, length < sizeof peer ? length : sizeof peer)) return;
  if (peer.family != AF_INET && peer.family != AF_INET6) return;
  struct mptcpize_event event = event_for(MPTCPIZE_CONNECTING, fd);
  event.got = (uint16_t)protocol;
  event.error = (uint16_t)error;
  set_address(&event.remote, &peer, length);
  ask_address(&event.local, fd, SYS_getsockname);
  event.family = event.remote.family;
  put(&event);
}

void record_accepted(int fd) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  int protocol = socket_int(fd, SO_PROTOCOL);
  if (!is_tcp(protocol)) return;
  struct mptcpize_event event = event_for(MPTCPIZE_ACCEPTED, fd);
  event.got = (uint16_t)protocol;
  ask_address(&event.local, fd, SYS_getsockname);
  ask_address(&event.remote, fd, SYS_getpeername);
  event.family = event.local.family;
  put(&event);
}

void record_duplicated(int fd, int origin) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  int protocol = socket_int(fd, SO_PROTOCOL);
  if (!is_tcp(protocol)) return;
  struct mptcpize_event event = event_for(MPTCPIZE_DUPLICATED, fd);
  event.got = (uint16_t)protocol;
  event.origin = origin;
  put(&event);
}

void record_remedied(int fd, int level, int name, int remedy, int refusal) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  int protocol = socket_int(fd, SO_PROTOCOL);
  if (!is_tcp(protocol)) return;
  struct mptcpize_event event = event_for(MPTCPIZE_REMEDIED, fd);
  event.family = (uint8_t)socket_int(fd, SO_DOMAIN);
  event.got = (uint16_t)protocol;
  event.error = (uint16_t)refusal;
  event.remedy = (uint16_t)remedy;
  event.option_level = (uint32_t)level;
  event.option_name = (uint32_t)name;
  put(&event);
}

void record_ruled(int fd, int rule) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct mptcpize_event event = event_for(MPTCPIZE_RULED, fd);
  event.family = (uint8_t)socket_int(fd, SO_DOMAIN);
  event.got = (uint16_t)socket_int(fd, SO_PROTOCOL);
  set_rule(&event, rule);
  put(&event);
}

// The kernel's answer, as a record of this kind; nothing for what is no TCP socket.
static void record_answer(int kind, int fd, int cause) {
  struct mptcpize_answer answer;
  if (!mptcpize_wire_answer(fd, &kernel, &answer)) return;
  struct mptcpize_event event = event_for(kind, fd);
  event.cause = (uint8_t)cause;
  event.got = answer.protocol;
  event.wire = answer.wire;
  event.subflows = answer.subflows;
  event.bytes_sent = answer.bytes_sent;
  event.bytes_received = answer.bytes_received;
  put(&event);
}

void record_observed(int fd) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (may_ask) record_answer(MPTCPIZE_OBSERVED, fd, 0);
}

void record_closing(int fd, enum mptcpize_close_cause cause) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  record_answer(MPTCPIZE_CLOSED, fd, cause);
}

struct range {
  unsigned int first, last;
};

static void close_in_range(int fd, void *context) {
  const struct range *range = context;
  if ((unsigned int)fd >= range->first && (unsigned int)fd <= range->last) {
    record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  }
}

void record_closing_range(unsigned int first, unsigned int last) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct range range = {first, last};
  descriptors_each_socket(close_in_range, &range);
}

static void close_on_exec(int fd, void *context) {
  (void)context;
  long flags = syscall2(SYS_fcntl, fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC)) record_closing(fd, MPTCPIZE_CAUSE_EXEC);
}

void record_exec(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (may_ask) descriptors_each_socket(close_on_exec, NULL);
}

// A path, or the end of a long one, in the place of the addresses.
static void set_name(struct mptcpize_event *event, const char *name, size_t length) {
  size_t cut = length > MPTCPIZE_NAME ? length - MPTCPIZE_NAME : 0;
  char *place = (char *)event + offsetof(struct mptcpize_event, local);
  for (size_t i = cut; i < length; i++) place[i - cut] = name[i];
}

void record_unreached(int pid, const char *name, size_t length, enum mptcpize_unreached reason) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct mptcpize_event event = event_for(MPTCPIZE_UNREACHED, -1);
  event.pid = pid;
  event.cause = (uint8_t)reason;
  set_name(&event, name, length);
  put(&event);
}

void record_exec_failed(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct mptcpize_event event = event_for(MPTCPIZE_EXEC_FAILED, -1);
  put(&event);
}

static void close_at_exit(int fd, void *context) {
  (void)context;
  record_closing(fd, MPTCPIZE_CAUSE_EXIT);
}

void record_process_ending(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (may_ask) descriptors_each_socket(close_at_exit, NULL);
}

static void inherit(int fd, void *context) {
  (void)context;
  int protocol = socket_int(fd, SO_PROTOCOL), family = socket_int(fd, SO_DOMAIN);
  if (!is_tcp(protocol) || (family != AF_INET && family != AF_INET6)) return;
  struct mptcpize_event event = event_for(MPTCPIZE_INHERITED, fd);
  event.family = (uint8_t)family;
  event.got = (uint16_t)protocol;
  put(&event);
}

// By now, and not when the child comes to say so, is it known what the child will have.
static void record_forking(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask || !recording()) return;
  struct mptcpize_event event = event_for(MPTCPIZE_FORKING, -1);
  put(&event);
}

static void record_forked(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask || !recording()) return;
  struct mptcpize_event event = event_for(MPTCPIZE_FORKED, -1);
  event.origin = owner;
  owner = event.pid;
  put(&event);
}

// glibc's pthread_atfork is linked into each program and calls this one; handlers
// run for the forks inside of daemon(3) and forkpty(3) too, which no interposed
// fork would see.
static void register_fork_handler(void) {
  int (*glibc)(void (*)(void), void (*)(void), void (*)(void), void *) = (int (*)(
      void (*)(void), void (*)(void), void (*)(void), void *))next_symbol("__register_atfork");
  int (*musl)(void (*)(void), void (*)(void), void (*)(void)) =
      (int (*)(void (*)(void), void (*)(void), void (*)(void)))next_symbol("pthread_atfork");
  if (glibc) {
    glibc(record_forking, NULL, record_forked, NULL);
  } else if (musl) {
    musl(record_forking, NULL, record_forked);
  }
}

void record_image_started(void) {
  UNASKED(may_ask, UNASKED_RECORDS);
  if (!may_ask) return;
  struct mptcpize_event event = event_for(MPTCPIZE_STARTED, -1);
  owner = event.pid;
  size_t length = 0;
  const char *other = state_preloaded_before(&length);
  if (other) set_name(&event, other, length);
  put(&event);
  descriptors_each_socket(inherit, NULL);
  register_fork_handler();
}
