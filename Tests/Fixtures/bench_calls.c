// bench_calls CALL COUNT PROTOCOL: nanoseconds that one call takes, on a socket of this protocol:
//
//   socket   socket() and close()
//   option   setsockopt of SO_OOBINLINE, which MPTCP refuses
//   bytes    a read of a byte and a write of one, of files that are nothing

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int file, sink, one;

static void call(char kind, int protocol) {
  char byte;
  int value = 1;
  if (kind == 's') {
    close(socket(AF_INET, SOCK_STREAM, protocol));
  } else if (kind == 'o') {
    setsockopt(one, SOL_SOCKET, SO_OOBINLINE, &value, sizeof value);
  } else if (read(file, &byte, 1) != 1 || write(sink, &byte, 1) != 1) {
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  int count = atoi(argv[2]), protocol = atoi(argv[3]);
  struct timespec begin, end;
  file = open("/dev/zero", O_RDONLY);
  sink = open("/dev/null", O_WRONLY);
  one = socket(AF_INET, SOCK_STREAM, protocol);
  if (file < 0 || sink < 0 || one < 0) return 1;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < count; i++) call(argv[1][0], protocol);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double elapsed =
      (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  printf("%.1f\n", count ? elapsed / count : 0);
  return 0;
}
