// THREADS threads create and close SOCKETS sockets each. Prints how many of each protocol
// there were, how many calls failed, and how many descriptors were left open.

#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int mptcp, tcp, failed;
static int sockets;

static void *work(void *unused) {
  (void)unused;
  for (int i = 0; i < sockets; i++) {
    int fd = socket(i % 2 ? AF_INET : AF_INET6, SOCK_STREAM, 0), got = 0;
    socklen_t length = sizeof got;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length) < 0) failed++;
    if (got == 262) mptcp++;
    if (got == IPPROTO_TCP) tcp++;
    if (close(fd) < 0) failed++;
  }
  return NULL;
}

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = -3;  // ".", "..", and the directory's own
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 8;
  sockets = argc > 2 ? atoi(argv[2]) : 10000;
  int before = open_descriptors();
  pthread_t threads[64];
  for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  printf("mptcp %d tcp %d failed %d leaked %d\n", mptcp, tcp, failed, open_descriptors() - before);
  return 0;
}
