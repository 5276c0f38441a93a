// Makes a TCP socket by the bare system call and prints its SO_PROTOCOL and whose it is.

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), protocol = -1;
  socklen_t length = sizeof protocol;
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0) return 1;
  printf("%d uid %d euid %d\n", protocol, (int)getuid(), (int)geteuid());
}
