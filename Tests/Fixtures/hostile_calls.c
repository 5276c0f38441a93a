// hostile_calls ROUNDS: threads that make the calls which a supervisor by seccomp answers, with
// what no honest program gives them: pointers that lead nowhere or to what another thread changes,
// absurd lengths, numbers that others close and open meanwhile; and processes that end in the
// middle of it. Prints the protocol of a socket that is made in peace afterwards.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST = 100, NUMBERS = 4, THREADS = 4 };

static int rounds;
static struct {
  struct sockaddr_in address;
  int value;
  socklen_t length;
} shared;

static unsigned int any(unsigned int *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

static long pointer(unsigned int *state) {
  static const long wrong[] = {0, 1, -1, -4096, 0x7fffffffffff};
  if (any(state) % 2) return (long)&shared.value;
  return wrong[any(state) % 5];
}

static void call(unsigned int *state) {
  static const int options[][2] = {
      {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, SO_RCVBUF},
      {IPPROTO_IP, IP_TTL},       {IPPROTO_IP, IP_OPTIONS},
      {IPPROTO_TCP, TCP_CORK},    {IPPROTO_TCP, TCP_USER_TIMEOUT},
      {IPPROTO_TCP, 250},         {77, 1},
  };
  const int *option = options[any(state) % 8];
  int fd = FIRST + (int)(any(state) % NUMBERS);
  long length = any(state) % 3 ? 4 : (long)(int)any(state) - (1 << 22);
  long value = pointer(state), other = pointer(state);
  switch (any(state) % 6) {
    case 0:
    case 1:
      syscall(SYS_setsockopt, fd, option[0], option[1], value, length);
      break;
    case 2:
      syscall(SYS_getsockopt, fd, option[0], option[1], value, other);
      break;
    case 3:
      syscall(SYS_ioctl, fd, 0x8905, value);
      break;
    case 4:
      syscall(SYS_connect, fd, any(state) % 2 ? (long)&shared.address : value, length);
      break;
    default:
      syscall(SYS_listen, fd, length);
  }
}

static void *misuse(void *number) {
  unsigned int state = (unsigned int)(long)number;
  int set = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < rounds; i++) {
    int fd = FIRST + (int)(any(&state) % NUMBERS);
    if (any(&state) % 4 == 0) {
      int made = socket(any(&state) % 2 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
      dup2(made, fd);
      close(made);
    } else if (any(&state) % 8 == 0) {
      struct epoll_event event = {EPOLLIN, {.fd = fd}};
      epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    } else if (any(&state) % 8 == 0) {
      close(fd);
    }
    shared.value = (int)any(&state);
    shared.length = any(&state);
    call(&state);
  }
  close(set);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 2) return 64;
  rounds = atoi(argv[1]);
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, misuse, (void *)i);
  for (int i = 0; i < 50; i++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t other;
      pthread_create(&other, NULL, misuse, (void *)100);
      usleep(500);
      if (i % 2) _exit(0);
      raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  int protocol = 0;
  socklen_t length = sizeof protocol;
  getsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  printf("%d\n", protocol);
  return 0;
}
