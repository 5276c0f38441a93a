// The epoll sets of this process in which a socket is registered. A registration belongs to the
// open file and a number, not to the number alone. It ends with the last descriptor of the file in
// any process. Until then it reports, whatever the number means now.

#ifndef MPTCPIZE_REGISTRATIONS_H
#define MPTCPIZE_REGISTRATIONS_H

#include "numbers.h"

enum { REGISTRATIONS_MOST = 16 };

struct registrations {
  struct kernel_file file;
  size_t count;
  bool failed;  ///< one cannot be found, or not be made again
  struct {
    int epoll, fd;
    bool is_removed;
    struct epoll_registration event;
  } entries[REGISTRATIONS_MOST];
};

/// For each open descriptor: adds the file's registrations if it is an epoll set, out of
/// /proc/thread-self/fdinfo. What fails: a set that cannot be read; more than there is room for;
/// a one-shot registration that has fired (the kernel makes none that is silent).
void registrations_look_at(struct registrations *found, int fd, const struct kernel_file *file);

/// Claims the numbers that they were made under.
bool registrations_claim(const struct registrations *found, struct numbers *numbers, bool is_alone);

/// Makes sure that as many can be made as will have to be, in the same sets; `reserve` is a file
/// that is never ready. Undone when that is closed.
bool registrations_reserve(const struct registrations *found, int reserve);

/// Takes the socket out of all sets. False where it is left in one; what was taken out has to be
/// made again.
bool registrations_remove(struct registrations *found);

/// Makes those again that were removed, for the socket that is open under the same numbers now.
bool registrations_make(const struct registrations *found);

#endif
