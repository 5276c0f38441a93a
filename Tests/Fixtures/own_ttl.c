// Sets a TTL, which no MPTCP socket takes, and prints what came of it: "RESULT PROTOCOL TTL".

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), protocol = -1, ttl = 63;
  int result = setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
  socklen_t length = sizeof ttl;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  ttl = -1;
  getsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, &length);
  printf("%d %d %d\n", result, protocol, ttl);
  return 0;
}
