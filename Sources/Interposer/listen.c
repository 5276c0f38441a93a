#include "record.h"
#include "replace.h"
#include "state.h"

INTERPOSED int listen(int fd, int backlog) {
  if (!recording()) return replace_listen(fd, backlog);
  int result = replace_listen(fd, backlog);
  if (result == 0) record_listening(fd);
  return result;
}
