// In which epoll sets of the caller's a socket is, and how another one takes its place there.

#ifndef SECCOMP_SUPERVISOR_EPOLL_SETS_H
#define SECCOMP_SUPERVISOR_EPOLL_SETS_H

#include <sys/stat.h>

#include "caller.h"

enum { REGISTRATIONS_MOST = 16 };

struct registration {
  int set;     // ours, borrowed
  int number;  // of the socket, as the caller knew it when it registered it
  uint32_t events;
  uint64_t data;
  bool is_removed;
};

struct registrations {
  int count;
  struct registration entries[REGISTRATIONS_MOST];
};

/// Adds those of a socket in the set that the caller has open under this number. False where one
/// cannot be made anew, or there are too many.
bool registrations_find(struct caller *caller, int set, const struct stat *socket,
                        struct registrations *found);
void registrations_end(struct registrations *found);

/// A set knows a socket by its file and the number under which whoever registered it had it. So
/// what follows is for a process that may put a socket under any number, and has all others above
/// `registrations_floor`.
int registrations_floor(const struct registrations *found);
bool registrations_remove(struct registrations *found, int socket);
bool registrations_make(const struct registrations *found, int socket);

#endif
