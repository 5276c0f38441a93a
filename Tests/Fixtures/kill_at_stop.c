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
  int depth;         // -1: the parent has not told of it yet
  bool has_stopped;  // meanwhile
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
  processes[count] = (struct process){pid, -1, false};
  return &processes[count++];
}

static void forget(struct process *process) {
  count--;
  *process = processes[count];
}

static void go_on(pid_t pid, int signal) { ptrace(PTRACE_SYSCALL, pid, 0, signal); }

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
  go_on(child, 0);
}

// One that the parent tells of by an event may have stopped before: it waits for that.
static void tell(const struct process *parent) {
  unsigned long pid = 0;
  int depth = parent->depth + 1;
  ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &pid);
  struct process *child = process_of((pid_t)pid);
  child->depth = depth;
  if (child->has_stopped) go_on(child->pid, 0);
}

static void handle(struct process *process, int status, int depth, int *left) {
  int signal = WSTOPSIG(status), event = status >> 16;
  pid_t pid = process->pid;
  if (process->depth < 0) {
    process->has_stopped = true;
    return;
  }
  if (signal == (SIGTRAP | 0x80)) {
    if (process->depth == depth && --*left == 0) kill(pid, SIGKILL);
    signal = 0;
  } else if (event) {
    if (event != PTRACE_EVENT_EXEC) tell(process);
    signal = 0;
  } else if (signal == SIGSTOP) {
    signal = 0;  // a new process
  }
  go_on(pid, signal);
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
    struct process *process = process_of(pid);
    if (WIFSTOPPED(status)) {
      handle(process, status, depth, left);
      continue;
    }
    int shown = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (process->depth == 0) statuses[shown] = true;
    forget(process);
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
