#include "record.h"
#include "state.h"

INTERPOSED int listen(int fd, int backlog) {
  if (!recording()) return next.listen(fd, backlog);
  int result = next.listen(fd, backlog);
  if (result == 0) record_listening(fd);
  return result;
}
