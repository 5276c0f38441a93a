// Exchanges bytes with itself over loopback until the connection has two paths, or for ten
// seconds; prints what the client knows of it: "paths N sent BYTES received BYTES". Leaves
// the sockets to a child, which closes them when the file "close" is there.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// struct mptcp_info of linux/mptcp.h: mptcpi_subflows_total (Linux ≥ 6.8).
enum { SOL_MPTCP_LEVEL = 284, MPTCP_INFO_NAME = 1, SUBFLOWS_TOTAL = 80 };

static int paths(int fd) {
  uint8_t info[256] = {0};
  socklen_t length = sizeof info;
  if (getsockopt(fd, SOL_MPTCP_LEVEL, MPTCP_INFO_NAME, info, &length) != 0) return 0;
  return info[SUBFLOWS_TOTAL];
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  if (connect(client, (struct sockaddr *)&address, length)) return 1;
  int server = accept(listener, NULL, NULL), sent = 0, received = 0;
  char data[1000] = {0};
  for (int i = 0; i < 1000 && paths(client) < 2; i++) {
    if (send(client, data, 1000, 0) != 1000 || recv(server, data, 1000, MSG_WAITALL) != 1000)
      return 1;
    if (send(server, data, 10, 0) != 10 || recv(client, data, 10, MSG_WAITALL) != 10) return 1;
    sent += 1000, received += 10;
    usleep(10000);
  }
  printf("paths %d sent %d received %d\n", paths(client), sent, received);
  fflush(stdout);
  if (fork() != 0) _exit(0);
  while (access("close", F_OK) != 0) usleep(10000);
  return 0;
}
