// socket_storm PROCESSES SOCKETS: makes that many TCP sockets in each of so many
// processes at the same time and prints how many became MPTCP and how many did not.

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int processes = atoi(argv[1]), sockets = atoi(argv[2]);
  unsigned *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counts == MAP_FAILED) return 1;
  for (int p = 0; p < processes; p++) {
    if (fork() != 0) continue;
    for (int s = 0; s < sockets; s++) {
      int fd = socket(s % 2 ? AF_INET : AF_INET6, SOCK_STREAM, 0), protocol = 0;
      socklen_t length = sizeof protocol;
      if (fd < 0) _exit(1);
      getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
      __atomic_fetch_add(&counts[protocol == 262], 1, __ATOMIC_RELAXED);
      close(fd);
    }
    _exit(0);
  }
  int failures = 0, status;
  while (wait(&status) > 0) failures += status != 0;
  printf("mptcp=%u tcp=%u failed=%d\n", counts[1], counts[0], failures);
  return failures != 0;
}
