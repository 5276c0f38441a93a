// Prints what SO_PROTOCOL says of a new TCP socket over each IP version.

#include <stdio.h>
#include <sys/socket.h>

static int protocol_of(int family) {
  int protocol = -1;
  socklen_t length = sizeof protocol;
  getsockopt(socket(family, SOCK_STREAM, 0), SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  return protocol;
}

int main(void) {
  printf("%d %d\n", protocol_of(AF_INET), protocol_of(AF_INET6));
  return 0;
}
