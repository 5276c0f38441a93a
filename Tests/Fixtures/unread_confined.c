// unread_confined CALL: confines itself by a filter that kills for ppoll, recvfrom or setsockopt,
// then asks FIONREAD of a connection to itself over which one byte came. Prints its answer.

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned int number_of(const char *call) {
  if (strcmp(call, "ppoll") == 0) return SYS_ppoll;
  return strcmp(call, "recvfrom") == 0 ? SYS_recvfrom : SYS_setsockopt;
}

int main(int count, char **words) {
  if (count < 2) return 64;
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, (void *)&address, length) || listen(listener, 1)) return 1;
  getsockname(listener, (void *)&address, &length);
  if (connect(client, (void *)&address, length)) return 1;
  int server = accept(listener, NULL, NULL), unread = -1;
  char byte = 0;
  if (write(server, &byte, 1) != 1 || recv(client, &byte, 1, MSG_PEEK) != 1) return 1;

  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(words[1]), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 1;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 1;
  if (ioctl(client, FIONREAD, &unread)) return 1;
  printf("%d\n", unread);
  return 0;
}
