// Makes a socket and closes it, at once and again at each SIGUSR1. Prints how often it has.

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, NULL);
  for (int count = 1;; count++) {
    close(socket(AF_INET, SOCK_STREAM, 0));
    printf("%d\n", count);
    fflush(stdout);
    int received;
    if (sigwait(&wanted, &received)) return 1;
  }
}
