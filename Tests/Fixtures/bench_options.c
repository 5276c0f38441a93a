// Calls one function a number of times, for counting instructions: bench_options CALL TIMES.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, times = atoi(argv[2]);
  int is_close = strcmp(argv[1], "close") == 0;
  int level = strcmp(argv[1], "TCP_NODELAY") == 0 ? IPPROTO_TCP : SOL_SOCKET;
  int name = level == IPPROTO_TCP ? TCP_NODELAY : SO_KEEPALIVE;
  for (int i = 0; i < times; i++) {
    if (is_close)
      close(-1);
    else if (setsockopt(fd, level, name, &one, sizeof one))
      return 1;
  }
  return 0;
}
