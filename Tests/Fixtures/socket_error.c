// Connects to a port where nobody listens, without waiting, and prints what SO_ERROR is then,
// twice. 32-bit programs ask by socketcall(2), as those of an older libc do.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int error_of(int fd) {
  int error = -1;
  socklen_t length = sizeof error;
#ifdef SYS_socketcall
  enum { GETSOCKOPT = 15 };  // linux/net.h
  unsigned long arguments[] = {(unsigned long)fd, SOL_SOCKET, SO_ERROR, (unsigned long)&error,
                               (unsigned long)&length};
  return syscall(SYS_socketcall, GETSOCKOPT, arguments) ? -errno : error;
#else
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) ? -errno : error;
#endif
}

int main(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  // Bound, but nobody listens.
  int other = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(other, (void *)&address, length) || getsockname(other, (void *)&address, &length)) {
    return 1;
  }
  if (connect(fd, (void *)&address, length) == 0 || errno != EINPROGRESS) return 1;
  struct pollfd poller = {fd, POLLOUT, 0};
  poll(&poller, 1, 10000);
  int first = error_of(fd);
  printf("%d %d\n", first, error_of(fd));
  return 0;
}
