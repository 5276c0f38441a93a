#include "descriptors.h"

#include "kernel.h"

// Where /proc cannot be read, in a chroot or with no descriptor left, numbers up to
// the usual limit are tried one by one (RLIMIT_NOFILE's default, 1024).
enum { LAST_TRIED = 1023 };

// Small: this runs on whatever stack a signal handler has.
enum { BUFFER_SIZE = 512 };

static bool is_socket(int fd) {
  int32_t value;
  socklen_t length = sizeof value;
  return kernel_getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &length) >= 0;
}

static int number_of(const char *name) {
  int number = 0;
  if (!*name) return -1;
  for (; *name; name++) {
    if (*name < '0' || *name > '9') return -1;
    number = number * 10 + (*name - '0');
  }
  return number;
}

void descriptors_each(void (*visit)(int fd, void *context), void *context) {
  long folder = syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_CLOEXEC, 0);
  if (folder < 0) {
    for (int fd = 0; fd <= LAST_TRIED; fd++) {
      if (is_socket(fd)) visit(fd, context);
    }
    return;
  }
  _Alignas(struct directory_entry) char buffer[BUFFER_SIZE];
  for (;;) {
    long size = syscall3(SYS_getdents64, folder, (long)buffer, sizeof buffer);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const struct directory_entry *entry = (const struct directory_entry *)(buffer + at);
      int fd = number_of(entry->name);
      if (fd >= 0 && is_socket(fd)) visit(fd, context);
      at += entry->length;
    }
  }
  syscall1(SYS_close, folder);
}
