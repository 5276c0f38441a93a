// close, close_range, closefrom and fclose: the calls that close descriptors.

#include "cork.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

enum { CLOSE_RANGE_CLOEXEC = 1 << 2 };  // include/uapi/linux/close_range.h

__attribute__((noinline)) static int close_unusual(int fd) {
  if (state() & STATE_CORKED) cork_release(fd);
  if (recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  stalls_closing(fd);
  return next.close(fd);
}

INTERPOSED int close(int fd) {
  return quiet_end() && !stalls_is_last(fd) ? next.close(fd) : close_unusual(fd);
}

INTERPOSED int close_range(unsigned int first, unsigned int last, int flags) {
  if (!(flags & CLOSE_RANGE_CLOEXEC)) cork_release_range(first, last);
  if (recording() && !(flags & CLOSE_RANGE_CLOEXEC)) record_closing_range(first, last);
  stalls_forget_last();
  return next.close_range(first, last, flags);
}

INTERPOSED void closefrom(int first) {
  unsigned int from = first < 0 ? 0 : (unsigned int)first;
  cork_release_range(from, ~0u);
  if (recording()) record_closing_range(from, ~0u);
  stalls_forget_last();
  next.closefrom(first);
}

// What is still in the stream's buffer counts as sent. Afterwards the stream has nothing to fail
// for any more, so the error is kept.
static int flush_and_record(FILE *stream, int fd) {
  int before = errno_get();
  int result = next.fflush(stream);
  if (!result) errno_set(before);
  record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  return result;
}

// fclose closes by a call inside of libc that nothing can interpose.
INTERPOSED int fclose(FILE *stream) {
  stalls_forget_last();  // it may be that one
  if (quiet_end() || !state() || !stream || !next.fileno) return next.fclose(stream);
  int before = errno_get(), failure = 0;
  int fd = next.fileno(stream);
  errno_set(before);
  if (fd >= 0) cork_release(fd);
  if (fd >= 0 && recording()) failure = flush_and_record(stream, fd);
  int result = next.fclose(stream);
  return failure ? failure : result;
}
