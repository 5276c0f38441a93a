// confine WAY FILTER (the ways are those of seccomp_program.h): makes a connection to itself, then
// confines itself by that call, and goes on as over TCP: sets options, makes a socket, forks,
// closes what it has, and ends.
//
//   narrow     it may read, write, set options and close, as in sshd's sandbox, make TCP sockets,
//              as in tor's and vsftpd's, and is killed for asking anything
//   harmless   it is killed for reboot(2)
//
// Prints "alive", and with the harmless filter the protocols of its new socket, before and after
// it set an option for which a socket has to become plain TCP.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp_program.h"

static struct sock_filter narrow[] = {
    LOAD(nr),
    KILL_FOR(SYS_getsockopt),
    KILL_FOR(SYS_getsockname),
    KILL_FOR(SYS_getpid),
    KILL_FOR(SYS_openat),
    KILL_FOR(SYS_fcntl),
    KILL_FOR(SYS_ioctl),
    KILL_FOR(SYS_fstat),
#ifdef SYS_fstat64
    KILL_FOR(SYS_fstat64),
#endif
    KILL_FOR(SYS_ppoll),
    KILL_FOR(SYS_dup3),
    UNLESS(SYS_socket, 3),
    LOAD(args[2]),
    KILL_FOR(262),
    ALLOW,
};
static struct sock_filter harmless[] = {LOAD(nr), KILL_FOR(SYS_reboot), ALLOW};

static int protocol_of(int fd) {
  int protocol = -1;
  socklen_t length = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  return protocol;
}

static int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int is_narrow = strcmp(argv[2], "narrow") == 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  if (listen(listener, 1)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  if (connect(client, (struct sockaddr *)&address, length)) return 1;
  int accepted = accept(listener, NULL, NULL);
  if (set(client, IPPROTO_TCP, TCP_CORK, 1)) return 1;
  // A question about what is available is no confinement: recording goes on.
  unsigned int action = SECCOMP_RET_ALLOW;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) return 1;
  close(listener);
  long result = is_narrow ? confine_by(argv[1], narrow, sizeof narrow / sizeof *narrow)
                          : confine_by(argv[1], harmless, sizeof harmless / sizeof *harmless);
  if (result < 0) {
    perror("seccomp");
    return 1;
  }
  // Refused by MPTCP, taken by MPTCP, and adjusted.
  if (set(client, IPPROTO_TCP, TCP_QUICKACK, 0) || set(client, SOL_SOCKET, SO_OOBINLINE, 1) ||
      set(client, SOL_SOCKET, SO_RCVBUF, 4096) || set(client, IPPROTO_TCP, TCP_CORK, 0) ||
      set(client, IPPROTO_TCP, TCP_CORK, 1))
    return 2;
  int fresh = socket(AF_INET, SOCK_STREAM, 0);
  if (fresh < 0) return 3;
  int before = is_narrow ? 0 : protocol_of(fresh);
  if (set(fresh, SOL_SOCKET, SO_MAX_PACING_RATE, 1000000)) return 4;
  int after = is_narrow ? 0 : protocol_of(fresh), status = -1;
  pid_t child = fork();
  if (child == 0) _exit(0);
  if (waitpid(child, &status, 0) != child || status) return 5;
  dup2(STDIN_FILENO, fresh);
  shutdown(client, SHUT_RDWR);
  close(client);
  syscall(SYS_close, accepted);
  char text[64];
  int size = is_narrow ? snprintf(text, sizeof text, "alive\n")
                       : snprintf(text, sizeof text, "alive, %d then %d\n", before, after);
  return write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : 1;
}
