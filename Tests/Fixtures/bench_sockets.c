// bench_sockets COUNT PROTOCOL: nanoseconds per socket()+close(), the calls' own time only.

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int count = atoi(argv[1]), protocol = atoi(argv[2]);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < count; i++) close(socket(AF_INET, SOCK_STREAM, protocol));
  clock_gettime(CLOCK_MONOTONIC, &end);
  double elapsed =
      (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  printf("%.1f\n", count ? elapsed / count : 0);
  return 0;
}
