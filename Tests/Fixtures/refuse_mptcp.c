// refuse_mptcp ERRNO FAMILY PROGRAM [ARG…]: runs a program under a seccomp filter that
// answers socket(FAMILY, …, 262) with ERRNO; FAMILY 0 means every family.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  unsigned error = (unsigned)atoi(argv[1]), family = (unsigned)atoi(argv[2]);
  struct sock_filter code[] = {
      LOAD(nr),
      UNLESS(SYS_socket, 5),
      LOAD(args[2]),
      UNLESS(262, 3),
      LOAD(args[0]),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 0, family ? 1 : 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &program)) {
    perror("seccomp");
    return 1;
  }
  execv(argv[3], argv + 3);
  perror(argv[3]);
  return 1;
}
