#include "denied.h"

INTERPOSED int bind(int fd, const void *address, socklen_t length) {
  return bind_permitted(fd, address, length);
}
