// socket_cost FAMILY PROTOCOL ROUNDS: prints the nanoseconds that one socket() and
// close() of a stream socket take: the least of so many rounds, since everything
// that disturbs a round, such as the timer, makes it longer.

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 20, WARM = 4000 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void call(int calls, int family, int protocol) {
  for (int i = 0; i < calls; i++) {
    int fd = socket(family, SOCK_STREAM, protocol);
    if (fd < 0) exit(1);
    close(fd);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  int family = atoi(argv[1]), protocol = atoi(argv[2]), rounds = atoi(argv[3]);
  double least = 1e18;
  call(WARM, family, protocol);
  for (int round = 0; round < rounds; round++) {
    double start = now();
    call(CALLS, family, protocol);
    double taken = (now() - start) / CALLS;
    if (taken < least) least = taken;
  }
  printf("%.1f\n", least);
}
