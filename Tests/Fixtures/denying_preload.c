// Another preload library, in the place of a security module that refuses MPTCP sockets what it
// allows TCP, as Landlock may: bind, connect and listen of the names in DENIED fail with EACCES on
// a socket of protocol 262; those in DENIED_TCP with EPERM on others. A send with MSG_FASTOPEN is a
// connect.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int denial(const char *call, int fd) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  const char *names = getenv(protocol == 262 ? "DENIED" : "DENIED_TCP");
  if (!names || !strstr(names, call)) return 0;
  errno = protocol == 262 ? EACCES : EPERM;
  return -1;
}

#define DENYING_WHERE(does_it, type, name, call, parameters, ...)  \
  type name parameters {                                           \
    type(*next) parameters = dlsym(RTLD_NEXT, #name);              \
    return (does_it) && denial(call, fd) ? -1 : next(__VA_ARGS__); \
  }
#define DENYING(name, parameters, ...) DENYING_WHERE(1, int, name, #name, parameters, __VA_ARGS__)

DENYING(bind, (int fd, const struct sockaddr *address, socklen_t length), fd, address, length)
DENYING(connect, (int fd, const struct sockaddr *address, socklen_t length), fd, address, length)
DENYING(listen, (int fd, int backlog), fd, backlog)
DENYING_WHERE(flags &MSG_FASTOPEN, ssize_t, sendto, "connect",
              (int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length),
              fd, data, size, flags, address, length)
DENYING_WHERE(flags &MSG_FASTOPEN, ssize_t, sendmsg, "connect",
              (int fd, const struct msghdr *message, int flags), fd, message, flags)
