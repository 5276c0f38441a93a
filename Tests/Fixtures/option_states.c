// Sets and reads socket options in every state of a socket, each on sockets of its own.
//
//   option_states FILE [PROTOCOL]   of each line "LEVEL NUMBER VALUE" of a file: one line of
//                                   output per state, "LEVEL NUMBER VALUE STATE: set, get"
//   option_states cork [PROTOCOL]   what TCP_CORK does to a connection, and what it reads
//   option_states to PORT           TCP_USER_TIMEOUT of a connection to a port, and what it reads
//
// PROTOCOL is socket()'s, 0 by default. Traffic stays on the loopback interface.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { FRESH, LISTENING, CONNECTED, ACCEPTED, STATES };
static const char *const names[STATES] = {"fresh", "listening", "connected", "accepted"};
static int protocol;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static socklen_t loopback(int family, int port, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  address->ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    four->sin_port = htons((uint16_t)port);
    return sizeof *four;
  }
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
  six->sin6_addr = in6addr_loopback;
  six->sin6_port = htons((uint16_t)port);
  return sizeof *six;
}

static int new_socket(int family) {
  int fd = socket(family, SOCK_STREAM, protocol);
  if (fd < 0) fail("socket");
  return fd;
}

static int new_listener(int family) {
  struct sockaddr_storage address;
  socklen_t length = loopback(family, 0, &address);
  int fd = new_socket(family);
  if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, 8)) fail("listen");
  return fd;
}

struct sockets {
  int listener, client, accepted;
};

static struct sockets connection(int family) {
  struct sockets made = {new_listener(family), new_socket(family), -1};
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  getsockname(made.listener, (struct sockaddr *)&address, &length);
  if (connect(made.client, (struct sockaddr *)&address, length)) fail("connect");
  made.accepted = accept(made.listener, NULL, NULL);
  char byte = 'x';
  if (write(made.client, &byte, 1) != 1 || read(made.accepted, &byte, 1) != 1 ||
      write(made.accepted, &byte, 1) != 1 || read(made.client, &byte, 1) != 1)
    fail("first byte");
  return made;
}

static void try_option(int fd, int level, int number, int value, const char *state) {
  printf("%d %d %d %s: ", level, number, value, state);
  if (setsockopt(fd, level, number, &value, sizeof value))
    printf("%d, ", errno);
  else
    printf("set, ");
  int answer = 0;
  socklen_t length = sizeof answer;
  if (getsockopt(fd, level, number, &answer, &length))
    printf("error %d\n", errno);
  else
    printf("%d of %u\n", answer, length);
}

static void try_states(int level, int number, int value) {
  int family = level == IPPROTO_IPV6 ? AF_INET6 : AF_INET;
  int fresh = new_socket(family);
  try_option(fresh, level, number, value, names[FRESH]);
  close(fresh);
  struct sockets made = connection(family);
  try_option(made.client, level, number, value, names[CONNECTED]);
  try_option(made.accepted, level, number, value, names[ACCEPTED]);
  try_option(made.listener, level, number, value, names[LISTENING]);
  close(made.client);
  close(made.accepted);
  close(made.listener);
}

static int get(int fd, int number) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, IPPROTO_TCP, number, &value, &length) ? -errno : value;
}

static void set(int fd, int number, int value) {
  if (setsockopt(fd, IPPROTO_TCP, number, &value, sizeof value)) fail("setsockopt");
}

static void cork(void) {
  int fd = connection(AF_INET).client;
  for (int on = 1; on >= 0; on--) {
    set(fd, TCP_CORK, on);
    printf("TCP_CORK %d: reads %d, TCP_NODELAY %d\n", on, get(fd, TCP_CORK), get(fd, TCP_NODELAY));
  }
}

static void time_out(int port) {
  struct sockaddr_storage address;
  socklen_t length = loopback(AF_INET, port, &address);
  int fd = new_socket(AF_INET);
  if (connect(fd, (struct sockaddr *)&address, length)) fail("connect");
  set(fd, TCP_USER_TIMEOUT, 4321);
  printf("TCP_USER_TIMEOUT %d\n", get(fd, TCP_USER_TIMEOUT));
}

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  if (strcmp(argv[1], "to") == 0) {
    time_out(atoi(argv[2]));
    return 0;
  }
  if (argc > 2) protocol = atoi(argv[2]);
  if (strcmp(argv[1], "cork") == 0) {
    cork();
    return 0;
  }
  FILE *file = fopen(argv[1], "r");
  if (!file) fail(argv[1]);
  for (int level, number, value; fscanf(file, "%d %d %d", &level, &number, &value) == 3;)
    try_states(level, number, value);
  return 0;
}
