// Another preload library, behind ours: how many sockets were asked for as MPTCP, and how many in
// all, on standard output at the end.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>

static unsigned int asked, all;

int socket(int family, int type, int protocol) {
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  all += family == AF_INET;
  asked += protocol == 262;
  return next(family, type, protocol);
}

__attribute__((destructor)) static void tell(void) {
  printf("asked %u of %u\n", asked, all);
  fflush(stdout);
}
