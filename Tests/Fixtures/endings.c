// endings WAY: connects to a listener of its own, sends 1000 bytes, and ends the
// connection's client side in a given way. The listener and the accepted socket are closed
// first by close(). Prints nothing.

#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int connected(int type) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  bind(listener, (struct sockaddr *)&address, length);
  listen(listener, 1);
  getsockname(listener, (struct sockaddr *)&address, &length);
  int client = socket(AF_INET, SOCK_STREAM | type, 0);
  if (connect(client, (struct sockaddr *)&address, length)) exit(1);
  int accepted = accept(listener, NULL, NULL);
  char data[1000] = {0};
  if (send(client, data, sizeof data, 0) != sizeof data) exit(1);
  if (recv(accepted, data, sizeof data, MSG_WAITALL) != sizeof data) exit(1);
  close(accepted);
  close(listener);
  return client;
}

static void wait_for(pid_t pid) { waitpid(pid, NULL, 0); }

int main(int argc, char **argv) {
  const char *way = argc > 1 ? argv[1] : "";
#define WAY(name) if (!strcmp(way, name))
  WAY("close") close(connected(0));
  WAY("shutdown") {
    int fd = connected(0);
    shutdown(fd, SHUT_RDWR);
    close(fd);
  }
#ifdef __GLIBC__  // musl has none of these
  WAY("close_range") close_range((unsigned)connected(0), ~0u, 0);
  WAY("closefrom") closefrom(connected(0));
  WAY("quick_exit") connected(0), quick_exit(0);
  // A daemon as they are: a second process, no descriptors, another root, no rights.
  WAY("daemon") {
    signal(SIGHUP, SIG_IGN);
    if (daemon(0, 0)) return 1;
    close_range(0, ~0u, 0);
    if (chroot("/var/empty") && chroot("/proc")) return 1;
    if (setgroups(0, NULL) || setgid(65534) || setuid(65534)) return 1;
    connected(0);
  }
#endif
  WAY("syscall") syscall(SYS_close, connected(0));
  WAY("fclose") fclose(fdopen(connected(0), "r+"));
  WAY("fclose of a stream with 25 bytes") {
    FILE *stream = fdopen(connected(0), "w");
    fputs("as many as are still here", stream), fclose(stream);
  }
  WAY("dup2") dup2(0, connected(0));
  WAY("dup3") dup3(0, connected(0), O_CLOEXEC);
  WAY("return") connected(0);
  WAY("exit") connected(0), exit(0);
  WAY("_exit") connected(0), _exit(0);
  WAY("_Exit") connected(0), _Exit(0);
  WAY("kill") connected(0), raise(SIGKILL);
  WAY("execve") {
    char *arguments[] = {"endings", "nothing", NULL}, *none[] = {NULL};
    connected(SOCK_CLOEXEC), execve("/proc/self/exe", arguments, none);
  }
  WAY("execl") connected(SOCK_CLOEXEC), execl("/proc/self/exe", "endings", "nothing", NULL);
  WAY("execlp") connected(SOCK_CLOEXEC), execlp("true", "true", NULL);
  WAY("execle") {
    char *none[] = {NULL};
    connected(SOCK_CLOEXEC), execle("/proc/self/exe", "endings", "nothing", NULL, none);
  }
  WAY("execvp") {
    char *arguments[] = {"true", NULL};
    connected(SOCK_CLOEXEC), execvp("true", arguments);
  }
  WAY("failed exec") {
    connected(SOCK_CLOEXEC);
    execl("/nonexistent", "nonexistent", NULL);
  }
  WAY("inherited by exec") connected(0), execl("/proc/self/exe", "endings", "nothing", NULL);
  WAY("fork") {
    int fd = connected(0);
    pid_t child = fork();
    if (child == 0) _exit(0);
    wait_for(child);
    close(fd);
  }
  WAY("vfork") {
    int fd = connected(0);
    pid_t child = vfork();
    if (child == 0) {
      close(fd);
      _exit(0);
    }
    wait_for(child);
    close(fd);
  }
  return 0;
}
