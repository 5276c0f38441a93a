// Creates a socket of every kind and prints, a line each, what was asked for and what
// came of it: "family type flags protocol: PROTOCOL cloexec nonblock" or ": errno E".
// STANDALONE (with -nostartfiles) keeps out of the start-up code, which ties a program to
// the glibc it was linked with.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void try_one(int family, int type, int flags, int protocol) {
  printf("family %d type %d flags %#x protocol %d: ", family, type, flags, protocol);
  errno = 4242;  // an errno that nobody sets: a call that succeeds leaves it
  int fd = socket(family, type | flags, protocol);
  int error = errno;
  if (fd < 0) {
    printf("errno %d\n", error);
    return;
  }
  int got = -1;
  socklen_t length = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &got, &length);
  printf("%d cloexec %d nonblock %d errno %d\n", got, !!(fcntl(fd, F_GETFD) & FD_CLOEXEC),
         !!(fcntl(fd, F_GETFL) & O_NONBLOCK), error);
  close(fd);
}

int main(void) {
  static const int families[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 99};
  static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, 15};
  static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK, 0x100};
  static const int protocols[] = {0, 1, 6, 17, 132, 255, 262, -1};
#define EACH(i, array) for (unsigned i = 0; i < sizeof array / sizeof *array; i++)
  EACH(a, families) EACH(b, types) EACH(c, flags) EACH(d, protocols) {
    try_one(families[a], types[b], flags[c], protocols[d]);
  }
  return 0;
}

#ifdef STANDALONE
__attribute__((force_align_arg_pointer)) void _start(void) { exit(main()); }
#endif
