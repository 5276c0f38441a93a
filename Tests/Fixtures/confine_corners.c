// confine_corners WAY: has a vfork child, or the process itself, confine itself by WAY (those of
// seccomp_program.h, and "landlock") in each of some corners, and tells of each the protocol that a
// new socket of the process has afterwards.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "seccomp_program.h"

static const char *way;

static int protocol(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), protocol = -1;
  socklen_t length = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  close(fd);
  return protocol;
}

// Kills for MPTCP, and for whatever a library could ask in order to find out where it is.
static struct sock_filter steps[] = {
    LOAD(nr),
    KILL_FOR(SYS_getsockopt),
    KILL_FOR(SYS_getpid),
    KILL_FOR(SYS_gettid),
    KILL_FOR(SYS_getppid),
    KILL_FOR(SYS_uname),
    UNLESS(SYS_socket, 3),
    LOAD(args[2]),
    KILL_FOR(262),
    ALLOW,
};

struct ruleset {
  uint64_t files, network;
};

static long confine(void) {
  if (strcmp(way, "landlock") != 0) return confine_by(way, steps, sizeof steps / sizeof *steps);
  enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, CONNECT_TCP = 2 };
  struct ruleset rules = {0, CONNECT_TCP};
  long ruleset = syscall(CREATE_RULESET, &rules, sizeof rules, 0);
  if (ruleset < 0) _exit(77);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(RESTRICT_SELF, ruleset, 0);
}

// What a child does once it is confined: as over TCP, then each its own end.
static void live(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) _exit(3);
  dup2(fd, 100);
  close(100);
  close(fd);
}

static char *const true_arguments[] = {"true", NULL};
static char *const no_variables[] = {NULL};

static void end(void) { _exit(0); }
static void end_raw(void) { syscall(SYS_exit_group, 0); }
static void be_killed(void) { syscall(SYS_uname, NULL); }
static void execute(void) {
  execve("/bin/echo", (char *const[]){"echo", "executed", NULL}, no_variables);
}
static void execute_raw(void) { syscall(SYS_execve, "/bin/echo", true_arguments, no_variables); }
static void fail_to_execute(void) { execve("/nonexistent", true_arguments, no_variables); }

__attribute__((noinline)) static int in_vfork_child(void (*finish)(void)) {
  int status = -1;
  pid_t child = vfork();
  if (child == 0) {
    if (confine() < 0) _exit(2);
    live();
    finish();
    live();
    _exit(0);
  }
  waitpid(child, &status, 0);
  return status;
}

static int in_fork_child(void) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    if (confine() < 0) _exit(2);
    live();
    _exit(0);
  }
  waitpid(child, &status, 0);
  return status;
}

static void tell(const char *corner, int status) {
  if (WIFSIGNALED(status)) {
    printf("%s: killed, %d\n", corner, protocol());
  } else {
    printf("%s: exited %d, %d\n", corner, WEXITSTATUS(status), protocol());
  }
}

// A thread with a filter of its own stands in the way of one for all threads.
static void *stand_in_the_way(void *result) {
  struct sock_filter allow[] = {ALLOW};
  char byte;
  *(long *)result = confine_by("prctl", allow, 1);
  if (write((int)((long *)result)[1], "", 1) != 1) exit(1);
  return read((int)((long *)result)[2], &byte, 1) == 1 ? NULL : result;
}

static int pipes[2];

static void wait_for_thread(void) {
  char byte;
  if (read(pipes[0], &byte, 1) != 1) _exit(4);
}

static void *make_socket(void *result) {
  // By then the child is confined, and reads.
  usleep(100000);
  *(int *)result = protocol();
  if (write(pipes[1], "", 1) != 1) exit(1);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  way = argv[1];
  setvbuf(stdout, NULL, _IONBF, 0);
  tell("vfork, exec", in_vfork_child(execute));
  tell("vfork, failed exec", in_vfork_child(fail_to_execute));
  tell("vfork, raw exec", in_vfork_child(execute_raw));
  tell("vfork, _exit", in_vfork_child(end));
  tell("vfork, raw exit", in_vfork_child(end_raw));
  if (strcmp(way, "landlock") != 0) tell("vfork, killed", in_vfork_child(be_killed));
  tell("fork", in_fork_child());
  if (pipe(pipes)) return 1;
  pthread_t thread;
  int meanwhile = 0;
  if (pthread_create(&thread, NULL, make_socket, &meanwhile)) return 1;
  tell("beside another thread", in_vfork_child(wait_for_thread));
  pthread_join(thread, NULL);
  printf("of the other thread: %d\n", meanwhile);
  // Calls that fail.
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long failed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (void *)8);
  printf("prctl with a bad pointer: %ld, %d\n", failed, protocol());
  failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (void *)8);
  printf("seccomp with a bad pointer: %ld, %d\n", failed, protocol());
  failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1u << 31, (void *)8);
  printf("seccomp with unknown flags: %ld, %d\n", failed, protocol());
  failed = syscall(SYS_prctl, PR_SET_SECCOMP, 7, NULL, 0, 0);
  printf("prctl with an unknown mode: %ld, %d\n", failed, protocol());
  failed = syscall(446, 12345, 0);
  printf("landlock without a ruleset: %ld, %d\n", failed, protocol());
  int ready[2], leave[2];
  if (pipe(ready) || pipe(leave)) return 1;
  long other[3] = {-1, ready[1], leave[0]};
  char byte;
  pthread_create(&thread, NULL, stand_in_the_way, other);
  if (read(ready[0], &byte, 1) != 1 || other[0]) return 1;
  failed = confine_by("tsync", steps, sizeof steps / sizeof *steps);
  printf("tsync beside a confined thread: %d, %d\n", failed > 0, protocol());
  if (write(leave[1], "", 1) != 1) return 1;
  pthread_join(thread, NULL);
  if (confine() < 0) return 1;
  live();
  puts("confined itself");
  return 0;
}
