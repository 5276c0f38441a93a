#include "target.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int target_int(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

long target_mptcp_flags(int fd) {
#ifndef SOL_MPTCP
  enum { SOL_MPTCP = 284 };
#endif
  enum { INFO = 1, FLAGS_WORD = 2, WORDS = 3 };  // MPTCP_INFO, struct mptcp_info: linux/mptcp.h
  uint32_t information[WORDS] = {0};
  socklen_t length = sizeof information;
  int result = getsockopt(fd, SOL_MPTCP, INFO, information, &length);
  return result < 0 ? -1 : (long)information[FLAGS_WORD];
}

bool target_open(struct caller *caller, int fd, int level, int number, struct target *target) {
  struct stat status;
  size_t count;
  const struct mptcpize_option *option = mptcpize_option_find(level, number);
  if (option) target->line = (int32_t)(option - mptcpize_option_table(&count));
  bool is_known = option && !caller->server->supervision->unknown[target->line];
  target->option = is_known ? option : NULL;
  target->theirs = fd;
  target->fd = caller_borrow(caller, fd);
  if (target->fd < 0) return false;
  if (target_int(target->fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP &&
      fstat(target->fd, &status) == 0) {
    target->inode = status.st_ino;
    target->family = target_int(target->fd, SOL_SOCKET, SO_DOMAIN);
    return true;
  }
  close(target->fd);
  return false;
}
