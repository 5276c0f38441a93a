// Its first thread ends, the other one sets an option for which a socket has to become plain TCP.
// Prints the result, the socket's protocol and the option's value: the first thread's /proc/self
// has no descriptors any more.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int get(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(fd, level, name, &value, &length);
  return value;
}

static void *rest(void *unused) {
  // As long as there are any, the first thread lives.
  while (access("/proc/self/fd/0", F_OK) == 0) continue;
  int fd = socket(AF_INET, SOCK_STREAM, 0), rate = 1000000;
  int result = setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  printf("%d %d %d\n", result, get(fd, SOL_SOCKET, SO_PROTOCOL),
         get(fd, SOL_SOCKET, SO_MAX_PACING_RATE));
  fflush(stdout);
  return unused;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, rest, NULL)) return 1;
  pthread_exit(NULL);
}
