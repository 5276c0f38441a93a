// Starts the program that it is told, as a child, and ends as that ended.

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
  pid_t child;
  int status;
  if (argc < 2 || posix_spawn(&child, argv[1], NULL, NULL, argv + 1, environ) != 0) return 99;
  if (waitpid(child, &status, 0) != child) return 99;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
