#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/ioctl.h>

int clinux_ioctl_int(int fd, unsigned long request, int *argument) {
  return ioctl(fd, request, argument);
}
