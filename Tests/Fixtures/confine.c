// confine prctl|seccomp: makes a connection to itself, then confines itself by that call as
// sshd's sandbox does: it may read, write, close and end, and is killed for asking anything.
// Closes what it has, and ends.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILL_FOR(number)                               \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static int confine(const char *way) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      KILL_FOR(SYS_getsockopt),
      KILL_FOR(SYS_getsockname),
      KILL_FOR(SYS_getpid),
      KILL_FOR(SYS_openat),
      KILL_FOR(SYS_fcntl),
      KILL_FOR(SYS_ioctl),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  if (strcmp(way, "prctl") == 0) return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  if (listen(listener, 1)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  if (connect(client, (struct sockaddr *)&address, length)) return 1;
  int accepted = accept(listener, NULL, NULL);
  // A question about what is available is no confinement: recording goes on.
  unsigned int action = SECCOMP_RET_ALLOW;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) return 1;
  close(listener);
  if (confine(argc > 1 ? argv[1] : "")) {
    perror("seccomp");
    return 1;
  }
  shutdown(client, SHUT_RDWR);
  close(client);
  syscall(SYS_close, accepted);
  return write(STDOUT_FILENO, "alive\n", 6) == 6 ? 0 : 1;
}
