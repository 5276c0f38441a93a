// kill_at_stop DEPTH STEP PROGRAM [ARGUMENT…]: runs the program again and again. Each time, one of
// the processes DEPTH generations below it, with 0 the program itself, is killed with SIGKILL where
// one of its system calls begins or ends: at each STEPth of these places, until all ends before.
// Prints each place after which not all has ended within ten seconds, then how often it killed, and
// the program's exit statuses, as a shell counts them.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 64, SECONDS = 10, STATUSES = 256 };

struct process {
  pid_t pid;
  int depth;  // -1: it has stopped before its parent has told of it
};

static struct process processes[PROCESSES];
static size_t count;
static bool statuses[STATUSES];
static volatile sig_atomic_t is_late;

static void be_late(int unused) {
  (void)unused;
  is_late = 1;
}

static struct process *process_of(pid_t pid) {
  for (size_t i = 0; i < count; i++) {
    if (processes[i].pid == pid) return &processes[i];
  }
  if (count == PROCESSES) exit(70);
  processes[count] = (struct process){pid, -1};
  return &processes[count++];
}

static void forget(pid_t pid) { *process_of(pid) = processes[--count]; }

static void end_all(void) {
  for (size_t i = 0; i < count; i++) kill(processes[i].pid, SIGKILL);
  while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) continue;
  count = 0;
}

static void start(char **command) {
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    close(null);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execv(command[0], command);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) exit(71);
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
                 PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
  ptrace(PTRACE_SETOPTIONS, child, 0, options);
  process_of(child)->depth = 0;
  ptrace(PTRACE_SYSCALL, child, 0, 0);
}

// What is to be delivered to a process that has stopped.
static int handle(struct process *process, int status, int depth, int *left) {
  int signal = WSTOPSIG(status), event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) {
    if (process->depth == depth && --*left == 0) kill(process->pid, SIGKILL);
    return 0;
  }
  if (event == PTRACE_EVENT_EXEC) return 0;
  if (event) {
    unsigned long child = 0;
    int generation = process->depth + 1;
    ptrace(PTRACE_GETEVENTMSG, process->pid, 0, &child);
    process_of((pid_t)child)->depth = generation;
    return 0;
  }
  return signal == SIGSTOP ? 0 : signal;  // a new process stops
}

// Whether all of it has ended in time.
static bool run(char **command, int depth, int *left) {
  start(command);
  is_late = 0;
  alarm(SECONDS);
  while (count > 0) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno == ECHILD) break;
    if (pid < 0 || is_late) break;
    if (!WIFSTOPPED(status)) {
      int shown = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (process_of(pid)->depth == 0) statuses[shown] = true;
      forget(pid);
      continue;
    }
    int signal = handle(process_of(pid), status, depth, left);
    ptrace(PTRACE_SYSCALL, pid, 0, signal);
  }
  alarm(0);
  return !is_late;
}

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  struct sigaction action = {.sa_handler = be_late};
  sigaction(SIGALRM, &action, NULL);
  int depth = atoi(argv[1]), step = atoi(argv[2]), kills = 0;
  for (int place = 1;; place += step) {
    int left = place;
    bool has_ended = run(argv + 3, depth, &left);
    if (!has_ended) printf("not all has ended after place %d\n", place);
    end_all();
    if (left > 0) break;
    kills++;
  }
  printf("killed %d times:", kills);
  for (int i = 0; i < STATUSES; i++) {
    if (statuses[i]) printf(" %d", i);
  }
  putchar('\n');
}
