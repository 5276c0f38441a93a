// What Swift cannot see of Linux and of the C library: macros with arguments,
// variadic functions, functions that Swift's import forbids. Each says why it is here.

#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <sys/types.h>

/// ioctl is variadic, and so are its arguments' types.
int clinux_ioctl_int(int fd, unsigned long request, int *argument);

#endif
