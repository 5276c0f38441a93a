// A preload library that makes any program ask for MPTCP itself: it changes socket(), and nothing else.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int family, int type, int protocol) {
  int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  int is_tcp = kind == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP);
  if ((family == AF_INET || family == AF_INET6) && is_tcp) protocol = 262;
  return (int)syscall(SYS_socket, family, type, protocol);
}
