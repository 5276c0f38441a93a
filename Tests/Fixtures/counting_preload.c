// Another preload library: counts the socket(), close() and connect() calls that come to
// it and passes them on, and creates a socket in its constructor, which may run before
// anybody else's. Prints the counts to standard error at exit.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets, upgrades, closes;

int socket(int family, int type, int protocol) {
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  sockets++;
  upgrades += protocol == 262;
  return next(family, type, protocol);
}

int close(int fd) {
  int (*next)(int) = dlsym(RTLD_NEXT, "close");
  closes++;
  return next(fd);
}

__attribute__((constructor)) static void early(void) {
  int fd = (socket)(AF_INET, SOCK_STREAM, 0);
  (close)(fd);
}

__attribute__((destructor)) static void report(void) {
  fprintf(stderr, "sockets %d upgrades %d closes %d\n", sockets, upgrades, closes);
}
