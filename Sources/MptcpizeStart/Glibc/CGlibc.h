// The headers of the C library that the modules of scripts/build-start use, and its functions
// that Swift cannot call because they are variadic.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline int cglibc_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}
static inline int cglibc_fcntl(int fd, int command, int value) { return fcntl(fd, command, value); }
static inline int cglibc_ioctl(int fd, unsigned long request, void *value) {
  return ioctl(fd, request, value);
}
static inline char **cglibc_environ(void) { return __environ; }
