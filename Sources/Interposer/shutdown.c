#include "cork.h"
#include "record.h"
#include "state.h"

enum { SHUT_RD = 0 };

INTERPOSED int shutdown(int fd, int how) {
  bool wanted = recording();
  // Shutting down the receiving side alone changes nothing on the wire.
  if (how != SHUT_RD) {
    if (wanted) record_observed(fd);
    cork_shutdown(fd);
  }
  return next.shutdown(fd, how);
}
