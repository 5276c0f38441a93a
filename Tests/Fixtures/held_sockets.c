// Makes sockets of every kind that `mptcpize sockets` lists, says what it knows of them, and
// keeps them open until it is killed. On 127.0.0.1:
//
//   5000  an MPTCP listener, and a connection to it: 3000 bytes there, 2000 back; with the
//         argument "two", it waits until the connection has a second subflow
//   5001  a TCP listener, and an MPTCP socket connected to it, so a fallback: 700 bytes there
//
// Prints "NAME inode=… token=… local=PORT remote=PORT" for each, then "ready".

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IPPROTO_MPTCP_ = 262, SOL_MPTCP_ = 284, MPTCP_INFO_ = 1 };

// struct mptcp_info of linux/mptcp.h, as far as it is needed.
struct info {
  uint8_t extra_subflows;
  uint8_t padding[11];
  uint32_t token;
  uint8_t rest[512];
};

static int checked(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

static int make(int protocol) { return checked(socket(AF_INET, SOCK_STREAM, protocol), "socket"); }

static struct sockaddr_in at(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int listening(int protocol, int port) {
  int fd = make(protocol);
  struct sockaddr_in address = at(port);
  checked(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
  checked(listen(fd, 7), "listen");
  return fd;
}

static int connected(int port) {
  int fd = make(IPPROTO_MPTCP_);
  struct sockaddr_in address = at(port);
  checked(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
  return fd;
}

static void transfer(int from, int to, size_t count) {
  char bytes[4096] = {0};
  checked((int)send(from, bytes, count, 0), "send");
  checked((int)recv(to, bytes, count, MSG_WAITALL), "recv");
}

static struct info info_of(int fd) {
  struct info info = {0};
  socklen_t length = sizeof info;
  getsockopt(fd, SOL_MPTCP_, MPTCP_INFO_, &info, &length);
  return info;
}

static void tell(const char *name, int fd) {
  struct sockaddr_in local = {0}, remote = {0};
  socklen_t length = sizeof local;
  checked(getsockname(fd, (struct sockaddr *)&local, &length), "getsockname");
  length = sizeof remote;
  getpeername(fd, (struct sockaddr *)&remote, &length);
  struct stat status;
  checked(fstat(fd, &status), "fstat");
  printf("%s inode=%lu token=%u local=%u remote=%u\n", name, (unsigned long)status.st_ino,
         info_of(fd).token, ntohs(local.sin_port), ntohs(remote.sin_port));
}

int main(int count, char *arguments[]) {
  int listener = listening(IPPROTO_MPTCP_, 5000), plain = listening(0, 5001);
  int client = connected(5000), server = checked(accept(listener, NULL, NULL), "accept");
  transfer(client, server, 3000);
  transfer(server, client, 2000);
  if (count > 1 && strcmp(arguments[1], "two") == 0) {
    while (info_of(client).extra_subflows < 1) usleep(10000);
  }
  int fallback = connected(5001), peer = checked(accept(plain, NULL, NULL), "accept");
  transfer(fallback, peer, 700);
  tell("listener", listener);
  tell("client", client);
  tell("server", server);
  tell("fallback", fallback);
  puts("ready");
  fflush(stdout);
  while (1) pause();
}
