// close, close_range, closefrom and fclose: what makes a descriptor go away.

#include "cork.h"
#include "record.h"
#include "state.h"

enum { CLOSE_RANGE_CLOEXEC = 1 << 2 };  // include/uapi/linux/close_range.h

__attribute__((noinline)) static int close_unusual(int fd) {
  if (state() & STATE_CORKED) cork_release(fd);
  if (recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  return next.close(fd);
}

INTERPOSED int close(int fd) { return quiet_end() ? next.close(fd) : close_unusual(fd); }

INTERPOSED int close_range(unsigned int first, unsigned int last, int flags) {
  if (!(flags & CLOSE_RANGE_CLOEXEC)) cork_release_range(first, last);
  if (recording() && !(flags & CLOSE_RANGE_CLOEXEC)) record_closing_range(first, last);
  return next.close_range(first, last, flags);
}

INTERPOSED void closefrom(int first) {
  unsigned int from = first < 0 ? 0 : (unsigned int)first;
  cork_release_range(from, ~0u);
  if (recording()) record_closing_range(from, ~0u);
  next.closefrom(first);
}

// fclose closes by a call inside of libc that nothing can interpose.
INTERPOSED int fclose(FILE *stream) {
  if (!quiet_end() && state() && stream && next.fileno) {
    int before = errno_get();
    int fd = next.fileno(stream);
    errno_set(before);
    if (fd >= 0) cork_release(fd);
    if (fd >= 0 && recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  }
  return next.fclose(stream);
}
