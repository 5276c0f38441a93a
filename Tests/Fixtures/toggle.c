// Switches MPTCP off and on in its network namespace while it runs, and prints after each
// change what protocol a new socket has, and what errno socket() left behind. That MPTCP is on
// again may be noticed some milliseconds later (docs/LIMITS.md): sockets are made for ten seconds
// at most.

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void set_enabled(const char *value) {
  int fd = open("/proc/sys/net/mptcp/enabled", O_WRONLY);
  if (write(fd, value, 1) != 1) perror("net.mptcp.enabled");
  close(fd);
}

static int make(int family, int *error) {
  errno = 4242;
  int fd = socket(family, SOCK_STREAM, 0), got = -1;
  *error = errno;
  socklen_t length = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length);
  close(fd);
  return got;
}

static void print_new(int family, int expected) {
  time_t end = time(NULL) + 10;
  int got, error;
  do {
    got = make(family, &error);
  } while (got != expected && time(NULL) < end);
  printf(" %d/%d", got, error);
}

int main(void) {
  static const char *const values[] = {"1", "0", "0", "1", "0", "1"};
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
    set_enabled(values[i]);
    printf("%s:", values[i]);
    int expected = *values[i] == '1' ? 262 : IPPROTO_TCP;
    print_new(AF_INET, expected);
    print_new(AF_INET6, expected);
    printf("\n");
  }
  return 0;
}
