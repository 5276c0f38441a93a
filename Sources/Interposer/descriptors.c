#include "descriptors.h"

#include "state.h"

// Where /proc cannot be read, in a chroot or with no descriptor left:
// RLIMIT_NOFILE's default.
enum { USUAL_LIMIT = 1024 };

// Small: this runs on whatever stack a signal handler has.
enum { BUFFER_SIZE = 512 };

struct field {
  const char *label;
  int matched, number;
  bool is_complete;
};

static void scan(struct field *field, const char *text, long size) {
  for (long at = 0; at < size && !field->is_complete; at++) {
    if (field->label[field->matched]) {
      bool is_next = text[at] == field->label[field->matched];
      field->matched = is_next ? field->matched + 1 : text[at] == field->label[0];
    } else if (text[at] == '\n') {
      field->is_complete = true;
    } else {
      field->number = field->number * 10 + (text[at] - '0');
    }
  }
}

// The number behind a label ("\nFDSize:\t") in this thread's
// /proc/thread-self/status, or -1. /proc/self is the first thread's, which may
// have ended.
static int status(const char *label) {
  long file =
      syscall4(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/status", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return -1;
  struct field field = {.label = label};
  char text[BUFFER_SIZE];
  long size;
  do {
    size = syscall3(SYS_read, file, (long)text, sizeof text);
    scan(&field, text, size);
  } while (size > 0 && !field.is_complete);
  kernel_close((int)file);
  return field.is_complete ? field.number : -1;
}

// The size of the kernel's table is asked for, in which all open descriptors are. To list them by
// getdents would take three times as long as to look at each place of a full table.
bool descriptors_each(descriptors_visit *visit, void *context) {
  int size = status("\nFDSize:\t");
  if (size < 0) size = USUAL_LIMIT;
  bool result = true;
  for (int fd = 0; fd < size; fd++) {
    struct kernel_file file;
    long error = kernel_get_file(fd, &file);
    if (error == 0) visit(fd, &file, context);
    result &= error == 0 || error == -EBADF;
  }
  return result;
}

struct socket_visit {
  void (*visit)(int fd, void *context);
  void *context;
};

static void visit_socket(int fd, const struct kernel_file *file, void *context) {
  const struct socket_visit *sockets = context;
  if (file->type == FILE_SOCKET) sockets->visit(fd, sockets->context);
}

void descriptors_each_socket(void (*visit)(int fd, void *context), void *context) {
  struct socket_visit sockets = {visit, context};
  descriptors_each(visit_socket, &sockets);
}

bool descriptors_are_own(void) { return !(state() & STATE_SHARED) && status("\nThreads:\t") == 1; }
