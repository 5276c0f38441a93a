#include "records.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"
#include "kept.h"

// The process, by which records go, and the name of its program.
static struct mptcpize_event event_for(const struct caller *caller, int kind) {
  struct mptcpize_event event = {.kind = (uint8_t)kind, .pid = caller->thread, .fd = -1};
  char text[4096];
  if (caller_text(caller, CALLER_STATUS, text, sizeof text) < 0) return event;
  long leader = caller_status(text, "Tgid", 0);
  if (leader > 0) event.pid = (int32_t)leader;
  const char *name = strchr(text, '\t');  // "Name:\tcurl\n"
  if (!name) return event;
  size_t length = strcspn(name + 1, "\n");
  if (length >= sizeof event.program) length = sizeof event.program - 1;
  memcpy(event.program, name + 1, length);
  return event;
}

static struct mptcpize_event event_of_socket(const struct caller *caller, int kind, int fd,
                                             uint64_t inode, int family, int got) {
  struct mptcpize_event event = event_for(caller, kind);
  event.fd = fd;
  event.inode = inode;
  event.family = (uint8_t)family;
  event.got = (uint16_t)got;
  return event;
}

bool records_are_read(const struct server *server) {
  return server->ring && mptcpize_ring_is_read(server->ring);
}

static void set_rule(const struct server *server, struct mptcpize_event *event, int rule) {
  event->rule = (uint16_t)(rule + 1);
  event->policy = mptcpize_policy_sum(server->supervision->policy);
}

void record_created(const struct server *server, const struct caller *caller, int fd,
                    uint64_t inode, int family, int asked, int got, int refusal) {
  if (!records_are_read(server)) return;
  struct mptcpize_event event = event_of_socket(caller, MPTCPIZE_CREATED, fd, inode, family, got);
  event.asked = (uint16_t)asked;
  event.error = (uint16_t)refusal;
  if (refusal == MPTCPIZE_REFUSED_BY_POLICY) set_rule(server, &event, server->rule);
  kept_put(server->shared, inode, LINE_TOLD, 0);
  mptcpize_ring_put(server->ring, &event);
}

void record_remedied(const struct server *server, const struct caller *caller, int fd,
                     uint64_t inode, int family, int got, const struct mptcpize_option *option,
                     int remedy, int refusal) {
  if (!records_are_read(server)) return;
  struct mptcpize_event event = event_of_socket(caller, MPTCPIZE_REMEDIED, fd, inode, family, got);
  event.error = (uint16_t)refusal;
  event.remedy = (uint16_t)remedy;
  event.option_level = (uint32_t)option->level;
  event.option_name = (uint32_t)option->number;
  mptcpize_ring_put(server->ring, &event);
}

void record_ruled(const struct server *server, const struct caller *caller, int fd, uint64_t inode,
                  int family, int got, int rule) {
  if (!records_are_read(server)) return;
  struct mptcpize_event event = event_of_socket(caller, MPTCPIZE_RULED, fd, inode, family, got);
  set_rule(server, &event, rule);
  kept_put(server->shared, inode, LINE_TOLD, 0);
  mptcpize_ring_put(server->ring, &event);
}

// --- What becomes of sockets -------------------------------------------------------------------

union address {
  struct sockaddr any;
  struct sockaddr_in inet;
  struct sockaddr_in6 inet6;
};

static bool set_address(struct mptcpize_address *to, const union address *from) {
  if (from->any.sa_family == AF_INET) {
    memcpy(to->bytes, &from->inet.sin_addr, sizeof from->inet.sin_addr);
    to->port = ntohs(from->inet.sin_port);
  } else if (from->any.sa_family == AF_INET6) {
    memcpy(to->bytes, &from->inet6.sin6_addr, sizeof from->inet6.sin6_addr);
    to->port = ntohs(from->inet6.sin6_port);
    to->scope = from->inet6.sin6_scope_id;
  } else {
    return false;
  }
  to->family = (uint8_t)from->any.sa_family;
  return true;
}

// A socket of TCP or MPTCP, borrowed.
struct seen {
  int fd, protocol;
  uint64_t inode;
};

static bool see(struct caller *caller, int fd, struct seen *seen) {
  struct stat status;
  socklen_t length = sizeof seen->protocol;
  seen->fd = caller_borrow(caller, fd);
  if (seen->fd < 0) return false;
  bool is_known = fstat(seen->fd, &status) == 0 && S_ISSOCK(status.st_mode) &&
                  getsockopt(seen->fd, SOL_SOCKET, SO_PROTOCOL, &seen->protocol, &length) == 0 &&
                  (seen->protocol == IPPROTO_TCP || seen->protocol == MPTCPIZE_IPPROTO_MPTCP);
  if (!is_known) {
    close(seen->fd);
    return false;
  }
  seen->inode = status.st_ino;
  return true;
}

static struct mptcpize_event event_of(const struct caller *caller, int kind, int fd,
                                      const struct seen *seen) {
  struct mptcpize_event event = event_for(caller, kind);
  union address address = {0};
  socklen_t length = sizeof address;
  event.fd = fd;
  event.inode = seen->inode;
  event.got = (uint16_t)seen->protocol;
  if (getsockname(seen->fd, &address.any, &length) == 0) set_address(&event.local, &address);
  event.family = (uint8_t)address.any.sa_family;
  return event;
}

static void record_connecting(const struct server *server, const struct caller *caller, int fd,
                              const struct seen *seen, const struct call *call) {
  struct mptcpize_event event = event_of(caller, MPTCPIZE_CONNECTING, fd, seen);
  union address address = {0};
  size_t size = (uint32_t)call->arguments[2];
  if (size > sizeof address) size = sizeof address;
  if (!caller_read(caller, call->arguments[1], &address, size)) return;
  if (!set_address(&event.remote, &address)) return;
  // It may be one that the program has made MPTCP by itself, and that nobody has told of.
  kept_put(server->shared, seen->inode, LINE_TOLD, 0);
  // It has none yet, most often.
  if (!event.local.port) event.local = (struct mptcpize_address){.family = 0};
  event.error = EINPROGRESS;  // what comes of it is not known yet
  mptcpize_ring_put(server->ring, &event);
}

// What has not been told of before was accepted: no other call makes such a socket.
static void record_accepted(const struct server *server, const struct caller *caller, int fd,
                            const struct seen *seen) {
  int32_t unused;
  union address address = {0};
  socklen_t length = sizeof address;
  if (kept_get(server->shared, seen->inode, LINE_TOLD, &unused)) return;
  if (getpeername(seen->fd, &address.any, &length) < 0) return;
  struct mptcpize_event event = event_of(caller, MPTCPIZE_ACCEPTED, fd, seen);
  set_address(&event.remote, &address);
  kept_put(server->shared, seen->inode, LINE_TOLD, 0);
  mptcpize_ring_put(server->ring, &event);
}

static void record_answer(const struct server *server, const struct caller *caller, int fd,
                          const struct seen *seen, int kind, int cause) {
  const struct mptcpize_kernel kernel = {clinux_getsockopt, clinux_ioctl};
  struct mptcpize_answer answer;
  record_accepted(server, caller, fd, seen);
  if (!mptcpize_wire_answer(seen->fd, &kernel, &answer)) return;
  struct mptcpize_event event = event_of(caller, kind, fd, seen);
  event.cause = (uint8_t)cause;
  event.got = answer.protocol;
  event.wire = answer.wire;
  event.subflows = answer.subflows;
  event.bytes_sent = answer.bytes_sent;
  event.bytes_received = answer.bytes_received;
  mptcpize_ring_put(server->ring, &event);
}

static void record_exit(const struct server *server, struct caller *caller) {
  char path[64], link[64];
  snprintf(path, sizeof path, "/proc/%d/fd", caller->thread);
  DIR *directory = opendir(path);
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    ssize_t size = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    if (size < 8 || memcmp(link, "socket:[", 8) != 0) continue;
    int fd = (int)strtol(entry->d_name, NULL, 10);
    struct seen seen;
    if (!see(caller, fd, &seen)) continue;
    record_answer(server, caller, fd, &seen, MPTCPIZE_CLOSED, MPTCPIZE_CAUSE_EXIT);
    close(seen.fd);
  }
  closedir(directory);
}

void record_call(const struct server *server, struct caller *caller, const struct call *call) {
  if (!records_are_read(server)) return;
  if (call->kind == CALL_EXIT) {
    record_exit(server, caller);
    return;
  }
  int fd = (int)call->arguments[0];
  struct seen seen;
  if (!see(caller, fd, &seen)) return;
  if (call->kind == CALL_CONNECT) {
    record_connecting(server, caller, fd, &seen, call);
  } else if (call->kind == CALL_LISTEN) {
    struct mptcpize_event event = event_of(caller, MPTCPIZE_LISTENING, fd, &seen);
    mptcpize_ring_put(server->ring, &event);
  } else if (call->kind == CALL_CLOSE) {
    record_answer(server, caller, fd, &seen, MPTCPIZE_CLOSED, MPTCPIZE_CAUSE_CLOSE);
  } else {
    record_answer(server, caller, fd, &seen, MPTCPIZE_OBSERVED, 0);
  }
  close(seen.fd);
}
