// kill_at N PROGRAM [ARGUMENT…]: kills the program with SIGKILL right before the Nth of
// those system calls by which `mptcpize bpf` changes something that lasts. Exit status: 0
// if it came to that, 3 if the program ended before.

#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// enum bpf_cmd of linux/bpf.h.
enum { MAP_UPDATE_ELEM = 2, MAP_DELETE_ELEM = 3, OBJ_PIN = 6, RAW_OPEN = 17, LINK_CREATE = 28 };

static bool changes_something(const struct user_regs_struct *registers) {
  switch (registers->orig_rax) {
    case SYS_bpf:
      switch (registers->rdi) {
        case MAP_UPDATE_ELEM:
        case MAP_DELETE_ELEM:
        case OBJ_PIN:
        case RAW_OPEN:
        case LINK_CREATE:
          return true;
      }
      return false;
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_renameat2:
    case SYS_mount:
      return true;
  }
  return false;
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int left = atoi(argv[1]);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  int status;
  bool is_entry = true;
  if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return 1;
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (;;) {
    ptrace(PTRACE_SYSCALL, child, 0, 0);
    if (waitpid(child, &status, 0) < 0) return 1;
    if (!WIFSTOPPED(status)) return 3;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    struct user_regs_struct registers;
    ptrace(PTRACE_GETREGS, child, 0, &registers);
    if (is_entry && changes_something(&registers) && --left == 0) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return 0;
    }
    is_entry = !is_entry;
  }
}
