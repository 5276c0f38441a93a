#include "descriptors.h"

// Where /proc cannot be read, in a chroot or with no descriptor left: RLIMIT_NOFILE's default.
enum { USUAL_LIMIT = 1024 };

// All that goes before the line, and the line itself. Small: this runs on whatever stack a
// signal handler has.
enum { BUFFER_SIZE = 512 };

// The size of the kernel's table, in which all open descriptors are. To list them by getdents
// would take three times as long as to ask each of a full table for its type.
//
// /proc/self is the first thread's, which may have ended.
static int limit(void) {
  long file =
      syscall4(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/status", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return USUAL_LIMIT;
  char text[BUFFER_SIZE];
  long size = syscall3(SYS_read, file, (long)text, sizeof text);
  syscall1(SYS_close, file);
  static const char label[] = "\nFDSize:\t";
  long matched = 0, length = sizeof label - 1;
  int number = 0;
  for (long at = 0; at < size; at++) {
    if (matched < length) {
      matched = text[at] == label[matched] ? matched + 1 : text[at] == label[0];
    } else if (text[at] == '\n') {
      return number;
    } else {
      number = number * 10 + (text[at] - '0');
    }
  }
  return USUAL_LIMIT;
}

void descriptors_each(enum file_type type, void (*visit)(int fd, void *context), void *context) {
  int end = limit();
  for (int fd = 0; fd < end; fd++) {
    if (kernel_file_type(fd) == type) visit(fd, context);
  }
}
