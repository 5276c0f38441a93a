// refused_call NAME: has the kernel refuse one system call with EPERM, as a service's
// SystemCallFilter= may, then sets an option for which a socket has to become plain TCP. Tells
// what became of that socket's flags, of its SO_REUSEADDR and of another socket.

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(int number) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/// "socket:[inode]", without asking for the descriptor's status.
static void identify(int fd, char identity[64]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(path, identity, 63);
  identity[size < 0 ? 0 : size] = 0;
}

/// The flags of open(2), as the kernel shows them.
static long flags_of(int fd) {
  char path[64], text[256] = "";
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, text, sizeof text - 1) < 0) return -1;
  close(file);
  const char *flags = strstr(text, "flags:");
  return flags ? strtol(flags + 6, NULL, 8) : -1;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int number;
  } calls[] = {{"fstat", SYS_fstat},
               {"dup3", SYS_dup3},
               {"fcntl", SYS_fcntl},
               {"ppoll", SYS_ppoll},
               {"bind", SYS_bind},
               {"epoll_ctl", SYS_epoll_ctl},
               {"getsockname", SYS_getsockname}};
  int number = -1;
  for (size_t i = 0; argc > 1 && i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(argv[1], calls[i].name) == 0) number = calls[i].number;
  }
  int other = socket(AF_INET, SOCK_STREAM, 0);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  char before[64], after[64];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) return 1;
  identify(other, before);
  if (number < 0 || refuse(number)) return 1;
  int rate = 1000000;
  setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  identify(other, after);
  printf("other socket: %s\n", strcmp(before, after) == 0 ? "the same" : "replaced");
  long flags = flags_of(fd);
  printf("flags: %s %s\n", flags & O_NONBLOCK ? "nonblocking" : "blocking",
         flags & O_CLOEXEC ? "close-on-exec" : "inherited");
  int reuse = -1;
  socklen_t length = sizeof reuse;
  getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &length);
  printf("SO_REUSEADDR: %d\n", reuse);
  return 0;
}
