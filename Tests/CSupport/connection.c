#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CTestSupport.h"

static int option(int socket, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &length) < 0 ? -1 : value;
}

int ctest_is_connection(pid_t pid, int fd) {
  // glibc has wrappers since 2.36.
  int process = (int)syscall(SYS_pidfd_open, pid, 0);
  if (process < 0) return -1;
  int copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
  close(process);
  if (copy < 0) return -1;
  int protocol = option(copy, SO_PROTOCOL), listens = option(copy, SO_ACCEPTCONN);
  // A connection keeps its port to the end; in a socket of either family it is at one place.
  struct sockaddr_in6 address = {0};
  socklen_t length = sizeof address;
  int has_port = getsockname(copy, (struct sockaddr *)&address, &length) == 0 && address.sin6_port;
  close(copy);
  return (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) && listens == 0 && has_port;
}
