#include "record.h"
#include "state.h"

INTERPOSED int shutdown(int fd, int how) {
  if (recording()) record_observed(fd);
  return next.shutdown(fd, how);
}
