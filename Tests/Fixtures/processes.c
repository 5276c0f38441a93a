// A socket in each kind of process: the program itself, a fork, a vfork that execs, a
// posix_spawn, a double fork. Prints "kind protocol" in that order; "processes leaf KIND"
// is what the exec'd ones run.

#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void leaf(const char *kind) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), got = -1;
  socklen_t length = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length);
  dprintf(1, "%s %d\n", kind, got);
  close(fd);
}

static void wait_for(pid_t pid) { waitpid(pid, NULL, 0); }

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "leaf")) {
    leaf(argv[2]);
    return 0;
  }
  leaf("self");
  pid_t pid = fork();
  if (pid == 0) {
    leaf("fork");
    _exit(0);
  }
  wait_for(pid);
  pid = vfork();
  if (pid == 0) {
    close(0);  // in the child's table, in the parent's memory
    execl("/proc/self/exe", "processes", "leaf", "vfork", NULL);
    _exit(127);
  }
  wait_for(pid);
  char *spawned[] = {"processes", "leaf", "spawn", NULL};
  posix_spawn(&pid, "/proc/self/exe", NULL, NULL, spawned, environ);
  wait_for(pid);
  pid = fork();
  if (pid == 0) {
    pid_t second = fork();
    if (second == 0) {
      leaf("double");
      _exit(0);
    }
    wait_for(second);
    _exit(0);
  }
  wait_for(pid);
  leaf("after");
  return 0;
}
