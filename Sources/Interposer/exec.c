// The exec family. Interposed only to see the sockets that close-on-exec takes
// away, and programs that the library will not come into; libc's own members call each
// other where nothing can interpose.
//
// The variadic ones have to be turned into their array forms, whose next
// definitions POSIX defines them by. The array lies on the stack, as in libc: a
// vfork child may not allocate.

#include <stdarg.h>

#include "record.h"
#include "state.h"
#include "unreached.h"

static int failed(int result) {
  if (recording()) record_exec_failed();
  return result;
}

INTERPOSED int execve(const char *path, char *const *arguments, char *const *variables) {
  if (!recording()) return next.execve(path, arguments, variables);
  record_exec();
  unreached_by_path(kernel_getpid(), path, variables);
  return failed(next.execve(path, arguments, variables));
}

INTERPOSED int execv(const char *path, char *const *arguments) {
  return execve(path, arguments, environ);
}

INTERPOSED int execvp(const char *file, char *const *arguments) {
  if (!recording()) return next.execvp(file, arguments);
  record_exec();
  unreached_by_name(kernel_getpid(), file, environ);
  return failed(next.execvp(file, arguments));
}

INTERPOSED int execvpe(const char *file, char *const *arguments, char *const *variables) {
  if (!recording()) return next.execvpe(file, arguments, variables);
  record_exec();
  unreached_by_name(kernel_getpid(), file, variables);
  return failed(next.execvpe(file, arguments, variables));
}

INTERPOSED int fexecve(int fd, char *const *arguments, char *const *variables) {
  if (!recording()) return next.fexecve(fd, arguments, variables);
  record_exec();
  unreached_by_descriptor(kernel_getpid(), fd, variables);
  return failed(next.fexecve(fd, arguments, variables));
}

INTERPOSED int execveat(int fd, const char *path, char *const *arguments, char *const *variables,
                        int flags) {
  if (!recording()) return next.execveat(fd, path, arguments, variables, flags);
  record_exec();
  unreached_at(kernel_getpid(), fd, path, variables);
  return failed(next.execveat(fd, path, arguments, variables, flags));
}

// Lists go by pointer: by value, whether the caller's advances depends on the ABI.

static size_t count(va_list *arguments) {
  size_t number = 1;  // the first one is the function's own parameter
  while (va_arg(*arguments, char *)) number++;
  return number;
}

static void collect(char **array, const char *first, va_list *arguments) {
  *array++ = (char *)first;
  while ((*array++ = va_arg(*arguments, char *))) continue;
}

#define COLLECT(array, first)               \
  va_list list;                             \
  va_start(list, first);                    \
  size_t number = first ? count(&list) : 0; \
  va_end(list);                             \
  char *array[number + 1];                  \
  array[0] = NULL;                          \
  va_start(list, first);                    \
  if (first) collect(array, first, &list)

INTERPOSED int execl(const char *path, const char *first, ...) {
  COLLECT(array, first);
  va_end(list);
  return execve(path, array, environ);
}

INTERPOSED int execlp(const char *file, const char *first, ...) {
  COLLECT(array, first);
  va_end(list);
  return execvp(file, array);
}

INTERPOSED int execle(const char *path, const char *first, ...) {
  COLLECT(array, first);
  char *const *variables = va_arg(list, char *const *);
  va_end(list);
  return execve(path, array, variables);
}
