// The epoll sets of this process that a socket is registered in. A registration
// belongs to the open file, not to the number: it vanishes with a file that is
// replaced under the same number.

#ifndef MPTCPIZE_REGISTRATIONS_H
#define MPTCPIZE_REGISTRATIONS_H

#include "kernel.h"

enum { REGISTRATIONS_MOST = 16 };

struct registrations {
  size_t count;
  struct {
    int epoll, fd;
    struct epoll_registration event;
  } entries[REGISTRATIONS_MOST];
};

/// Finds them in /proc/thread-self/fdinfo, for the socket that is open as `fd`, under any number;
/// none where there is no /proc, and no more than there is room for.
void registrations_find(int fd, struct registrations *found);

/// Makes them again, for the socket that is open as `fd` now. A number that was given to
/// another file since it was registered stands for that one: `fd` takes its place.
void registrations_restore(const struct registrations *found, int fd);

#endif
