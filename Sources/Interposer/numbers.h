// All numbers under which this process has a socket open, and how another socket gets them.

#ifndef MPTCPIZE_NUMBERS_H
#define MPTCPIZE_NUMBERS_H

#include "kernel.h"

enum { NUMBERS_MOST = 16 };

struct numbers {
  struct kernel_file file;
  size_t count;    ///< of the program's
  size_t claimed;  ///< of ours, behind them
  bool failed;     ///< there are too many, or one could not be looked at
  struct {
    int fd;
    int displaced;  ///< where its own file is meanwhile, or -1
    bool closes_on_exec;
  } entries[NUMBERS_MOST];
};

/// For each open descriptor: adds those that mean the file.
void numbers_look_at(struct numbers *numbers, int fd, const struct kernel_file *file);

/// Makes the socket open under this number too, for as long as it takes; `is_alone`: nobody else
/// can look at the numbers meanwhile, so one in use may be taken. False where that is refused.
bool numbers_claim(struct numbers *numbers, int fd, bool is_alone);

/// Puts another socket under all of them, `done` so far. False where one does not mean the file any
/// more, or it is refused.
bool numbers_put(const struct numbers *numbers, int socket, size_t *done);

/// Puts a socket under the first `done` again.
void numbers_put_back(const struct numbers *numbers, int socket, size_t done);

/// Gives back those that were claimed.
void numbers_release(const struct numbers *numbers);

#endif
