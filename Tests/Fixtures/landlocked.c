// Confines itself by Landlock rules that let it connect by TCP to no port but 1, and tries a socket
// made before that and one made after it. Prints their protocols and what connect to port 2 said
// (nobody listens there), or "none" where the kernel has no such rules (before Linux 6.7).

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// linux/landlock.h, which older headers do not have in full.
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, RULE_NET_PORT = 2 };
enum { EXECUTE_FILE = 1, CONNECT_TCP = 2 };
struct ruleset {
  uint64_t files, network;
};
struct port_rule {
  uint64_t allowed, port;
};

static void confine(struct ruleset rules) {
  int set = (int)syscall(CREATE_RULESET, &rules, sizeof rules, 0);
  struct port_rule rule = {CONNECT_TCP, 1};
  if (set < 0 || (rules.network && syscall(ADD_RULE, set, RULE_NET_PORT, &rule, 0)) ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(RESTRICT_SELF, set, 0)) {
    puts("none");
    _exit(0);
  }
  close(set);
}

static void tell(int fd) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(2), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int protocol = -1;
  socklen_t length = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  connect(fd, (struct sockaddr *)&address, sizeof address);
  printf("%d %s\n", protocol, strerrorname_np(errno));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int before = socket(AF_INET, SOCK_STREAM, 0);
  confine((struct ruleset){.files = EXECUTE_FILE});  // of no concern
  int between = socket(AF_INET, SOCK_STREAM, 0);
  confine((struct ruleset){.network = CONNECT_TCP});
  int after = socket(AF_INET, SOCK_STREAM, 0);
  tell(before);
  tell(between);
  tell(after);
  return 0;
}
