// What Swift cannot see of Linux and of the C library: macros with arguments,
// variadic functions, functions that Swift's import forbids. Each says why it is here.

#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <sys/auxv.h>  // not in the Glibc module
#include <sys/types.h>
#include <sys/xattr.h>  // not in the Glibc module

/// ioctl is variadic, and so are its arguments' types.
int clinux_ioctl_int(int fd, unsigned long request, int *argument);

/// prctl is variadic. 1 when PR_SET_NO_NEW_PRIVS is in force, 0 when it is not.
int clinux_no_new_privileges(void);

#endif
