// kill_at N PROGRAM [ARGUMENT…]: kills the program with SIGKILL right before the Nth of
// those system calls by which `mptcpize bpf` changes something that lasts. Exit status: 0
// if it came to that, 3 if the program ended before. For root, and one process.
//
// A seccomp filter picks the calls: stopped at each of its calls, twice, the program would take six
// times as long in an emulated machine.

#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "seccomp_program.h"

// enum bpf_cmd of linux/bpf.h.
enum { MAP_UPDATE_ELEM = 2, MAP_DELETE_ELEM = 3, OBJ_PIN = 6, RAW_OPEN = 17, LINK_CREATE = 28 };

#define STOP BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)
#define STOP_FOR(number) UNLESS(number, 1), STOP

static int stop_at_changes(void) {
  struct sock_filter steps[] = {
      LOAD(nr),
      STOP_FOR(SYS_mkdir),
      STOP_FOR(SYS_rmdir),
      STOP_FOR(SYS_unlink),
      STOP_FOR(SYS_unlinkat),
      STOP_FOR(SYS_renameat2),
      STOP_FOR(SYS_mount),
      UNLESS(SYS_bpf, 11),
      LOAD(args[0]),
      STOP_FOR(MAP_UPDATE_ELEM),
      STOP_FOR(MAP_DELETE_ELEM),
      STOP_FOR(OBJ_PIN),
      STOP_FOR(RAW_OPEN),
      STOP_FOR(LINK_CREATE),
      ALLOW,
  };
  struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int left = atoi(argv[1]);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    if (stop_at_changes()) _exit(126);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return 1;
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  for (;;) {
    ptrace(PTRACE_CONT, child, 0, 0);
    if (waitpid(child, &status, 0) < 0) return 1;
    if (!WIFSTOPPED(status)) return 3;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) && --left == 0) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return 0;
    }
  }
}
