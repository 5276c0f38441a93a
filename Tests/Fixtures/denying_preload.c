// Another preload library, in the place of a security module that refuses MPTCP sockets what it
// allows TCP, as Landlock may: bind, connect and listen of the names in DENIED fail with EACCES on
// a socket of protocol 262; those in DENIED_TCP with EPERM on others.

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

#define DENYING(name, parameters, ...)                 \
  int name parameters {                                \
    int(*next) parameters = dlsym(RTLD_NEXT, #name);   \
    return denial(#name, fd) ? -1 : next(__VA_ARGS__); \
  }

DENYING(bind, (int fd, const struct sockaddr *address, socklen_t length), fd, address, length)
DENYING(connect, (int fd, const struct sockaddr *address, socklen_t length), fd, address, length)
DENYING(listen, (int fd, int backlog), fd, backlog)
