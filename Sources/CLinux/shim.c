#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>

int clinux_ioctl_int(int fd, unsigned long request, int *argument) {
  return ioctl(fd, request, argument);
}

int clinux_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }
