// many_programs PORT COUNT: COUNT processes, each of a name of its own ("program-0"…) and with an
// MPTCP connection to 127.0.0.1:PORT. Prints "ready" once all are connected; ends with its input.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void connect_as(int number, unsigned short port, int ready, int end) {
  char name[32];
  snprintf(name, sizeof name, "program-%d", number);
  prctl(PR_SET_NAME, name);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 262);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) _exit(1);
  if (write(ready, "", 1) != 1) _exit(1);
  // Nobody writes: it returns when the parent is gone.
  char byte;
  _exit((int)read(end, &byte, 1));
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int count = atoi(argv[2]);
  int ready[2];
  int end[2];
  if (pipe(ready) != 0 || pipe(end) != 0) return 1;
  for (int number = 0; number < count; number++) {
    if (fork() == 0) {
      close(end[1]);
      connect_as(number, (unsigned short)atoi(argv[1]), ready[1], end[0]);
    }
  }
  close(ready[1]);
  char byte;
  for (int number = 0; number < count; number++)
    if (read(ready[0], &byte, 1) != 1) return 1;
  puts("ready");
  fflush(stdout);
  pause();
}
