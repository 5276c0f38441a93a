// many_sockets N: registers N sockets in an epoll set, then sets an option for which another one
// has to become plain TCP. Prints that one's protocol.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1, epoll = epoll_create1(0);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int i = 0; i < count; i++) {
    int other = socket(AF_INET, SOCK_DGRAM, 0);
    struct epoll_event event = {EPOLLIN, {.fd = other}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, other, &event)) return 1;
  }
  int fd = socket(AF_INET, SOCK_STREAM, 0), rate = 1000000, protocol = -1;
  setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  socklen_t length = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  printf("%d\n", protocol);
  return 0;
}
