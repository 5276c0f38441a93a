// Switches MPTCP off and on in its network namespace while it runs, and prints after each
// change what protocol a new socket has, and what errno socket() left behind.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_enabled(const char *value) {
  int fd = open("/proc/sys/net/mptcp/enabled", O_WRONLY);
  if (write(fd, value, 1) != 1) perror("net.mptcp.enabled");
  close(fd);
}

static void print_new(int family) {
  errno = 4242;
  int fd = socket(family, SOCK_STREAM, 0), error = errno, got = -1;
  socklen_t length = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length);
  printf(" %d/%d", got, error);
  close(fd);
}

int main(void) {
  static const char *const values[] = {"1", "0", "0", "1", "0", "1"};
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
    set_enabled(values[i]);
    printf("%s:", values[i]);
    print_new(AF_INET);
    print_new(AF_INET6);
    printf("\n");
  }
  return 0;
}
