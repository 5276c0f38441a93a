// several N: creates N sockets of each internet family and prints their protocols.

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < 2 * count; i++) {
    int fd = socket(i % 2 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), got = -1;
    socklen_t length = sizeof got;
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length);
    printf("%s%d", i ? " " : "", got);
    close(fd);
  }
  printf("\n");
  return 0;
}
