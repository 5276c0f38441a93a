// confine_race ROUNDS: as often, a child in which two threads make sockets, set options, connect
// and close, while the first one confines them all (TSYNC) to what they do themselves. Prints how
// many of the children were killed.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "seccomp_program.h"

static struct sock_filter steps[] = {
    LOAD(nr),
    KILL_FOR(SYS_getsockopt),
    KILL_FOR(SYS_getsockname),
    KILL_FOR(SYS_getpeername),
    KILL_FOR(SYS_getpid),
    KILL_FOR(SYS_openat),
    KILL_FOR(SYS_fcntl),
    KILL_FOR(SYS_ioctl),
    KILL_FOR(SYS_fstat),
#ifdef SYS_fstat64
    KILL_FOR(SYS_fstat64),
#endif
    KILL_FOR(SYS_ppoll),
    KILL_FOR(SYS_dup3),
    KILL_FOR(SYS_epoll_ctl),
    UNLESS(SYS_socket, 3),
    LOAD(args[2]),
    KILL_FOR(262),
    ALLOW,
};

static int stop;

static void *be_busy(void *nothing) {
  struct sockaddr_in nobody = {
      .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int value = 1;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &value, sizeof value);  // ignored
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value);      // adjusted
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);   // looked at
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &value, sizeof value);     // demoted
    connect(fd, (struct sockaddr *)&nobody, sizeof nobody);
    close(fd);
  }
  return nothing;
}

static void child(int round) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, be_busy, NULL);
  usleep((unsigned)(round % 20) * 100);
  if (confine_by("tsync", steps, sizeof steps / sizeof *steps)) _exit(1);
  usleep(1000);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  _exit(0);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 100, killed = 0, failed = 0;
  for (int i = 0; i < rounds; i++) {
    pid_t process = fork();
    if (process == 0) child(i);
    int status;
    waitpid(process, &status, 0);
    killed += WIFSIGNALED(status);
    failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
  }
  printf("killed %d, failed %d\n", killed, failed);
  return 0;
}
