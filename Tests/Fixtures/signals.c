// Sockets out of a signal handler that interrupts the same calls every 100 µs. Prints how
// many sockets the handler and the main program had, and how many were not as asked.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int in_handler, wrong;

static void one(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), got = 0;
  socklen_t length = sizeof got;
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length) < 0 || got != 262) wrong++;
  if (close(fd) < 0) wrong++;
}

static void handler(int signal) {
  (void)signal;
  int saved = errno;
  one();
  in_handler++;
  errno = saved;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &every, NULL);
  int in_program = 0;
  while (in_handler < 2000) one(), in_program++;
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  printf("enough in the handler %d, in the program %d, wrong %d\n", in_handler >= 2000,
         in_program > 0, wrong);
  return 0;
}
