#include "cork.h"
#include "record.h"
#include "state.h"

enum { SHUT_RD = 0 };

INTERPOSED int shutdown(int fd, int how) {
  if (recording()) record_observed(fd);
  // Shutting down the receiving side alone leaves the cork where it is.
  if (how != SHUT_RD) cork_release(fd);
  return next.shutdown(fd, how);
}
