// socket_cost FAMILY PROTOCOL ROUNDS: prints the nanoseconds that one socket() and
// close() of a stream socket take: the least of so many rounds, since everything
// that disturbs a round makes it longer.

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 2000 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  int family = atoi(argv[1]), protocol = atoi(argv[2]), rounds = atoi(argv[3]);
  double least = 1e18;
  for (int round = 0; round < rounds; round++) {
    double start = now();
    for (int i = 0; i < CALLS; i++) {
      int fd = socket(family, SOCK_STREAM, protocol);
      if (fd < 0) return 1;
      close(fd);
    }
    double taken = (now() - start) / CALLS;
    if (taken < least) least = taken;
  }
  printf("%.0f\n", least);
}
