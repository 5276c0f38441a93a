#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "CLinux.h"

int clinux_ioctl_int(int fd, unsigned long request, int *argument) {
  return ioctl(fd, request, argument);
}
