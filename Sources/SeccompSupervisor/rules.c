// Rules that keep sockets TCP. The address is read once, when the socket connects or listens. Plain
// TCP takes the socket's place, and the call continues. If the program changes the address
// meanwhile, it connects by another rule; it could bypass a policy anyway.

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"
#include "records.h"

// The rules for the caller's program: those that name another one are left out.
static const struct mptcpize_policy *policy_for(struct server *server,
                                                const struct caller *caller) {
  char path[64], target[4096], name[sizeof server->program] = "";
  if (!server->supervision->policy) return NULL;
  snprintf(path, sizeof path, "/proc/%d/exe", caller->thread);
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size > 0) {
    target[size] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : target);
  }
  if (server->policy && strcmp(name, server->program) == 0) return server->policy;
  if (!server->policy) server->policy = malloc(sizeof *server->policy);
  if (!server->policy) return NULL;
  memcpy(server->program, name, sizeof name);
  mptcpize_policy_read(server->policy, server->supervision->policy, *name ? name : NULL);
  return server->policy;
}

bool rules_say_tcp(struct server *server, const struct caller *caller) {
  const struct mptcpize_policy *policy = policy_for(server, caller);
  if (!policy) return false;
  struct mptcpize_ruling ruling = mptcpize_policy_for_all(policy);
  server->rule = ruling.rule;
  return ruling.tcp;
}

// The peer's address, or the socket's own.
static bool read_address(const struct caller *caller, const struct call *call, int socket,
                         struct sockaddr_in6 *address, socklen_t *length) {
  *length = sizeof *address;
  if (call->kind == CALL_LISTEN) {
    return getsockname(socket, (struct sockaddr *)address, length) == 0;
  }
  if ((uint32_t)call->arguments[2] < *length) *length = (socklen_t)call->arguments[2];
  return caller_read(caller, call->arguments[1], address, *length);
}

static void rule(struct server *server, struct caller *caller, const struct call *call, int socket,
                 const struct mptcpize_policy *policy) {
  struct sockaddr_in6 address = {0};
  socklen_t length;
  struct stat status;
  int protocol = 0;
  socklen_t size = sizeof protocol;
  getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  if (protocol != MPTCPIZE_IPPROTO_MPTCP || fstat(socket, &status) < 0) return;
  if (!read_address(caller, call, socket, &address, &length)) return;
  enum mptcpize_direction direction =
      call->kind == CALL_LISTEN ? MPTCPIZE_LISTEN : MPTCPIZE_CONNECT;
  struct mptcpize_ruling ruling = mptcpize_policy_decide(policy, direction, &address, length);
  if (!ruling.tcp) return;
  uint64_t inode = status.st_ino;
  bool is_plain = replacement_put(server, caller, socket, &inode);
  record_ruled(server, caller, (int)call->arguments[0], inode, address.sin6_family,
               is_plain ? IPPROTO_TCP : MPTCPIZE_IPPROTO_MPTCP, ruling.rule);
}

void rules_call(struct server *server, struct caller *caller, const struct call *call) {
  const struct mptcpize_policy *policy = policy_for(server, caller);
  int socket = policy ? caller_borrow(caller, (int)call->arguments[0]) : -1;
  if (socket < 0) return;
  rule(server, caller, call, socket, policy);
  close(socket);
}
