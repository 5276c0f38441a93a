// The exec family. The library interposes it only to see the sockets that close-on-exec closes, and
// programs that the library will not reach. libc's own functions call each other internally, where
// nothing can interpose.
//
// Each function calls the next definition of its own name, because other preload libraries
// interpose these too. For this, the variadic ones copy their list to an array on the stack, as
// libc does: a vfork child may not allocate.

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
  if (!recording()) return next.execv(path, arguments);
  record_exec();
  unreached_by_path(kernel_getpid(), path, environ);
  return failed(next.execv(path, arguments));
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

// Nulls fill the rest of the array.
static void collect(char **array, size_t room, const char *first, va_list *arguments) {
  size_t at = 0;
  for (const char *text = first; text; text = va_arg(*arguments, char *)) {
    array[at++] = (char *)text;
  }
  while (at < room) array[at++] = NULL;
}

// A list cannot be handed on as one of the same length. But a callee ignores what follows its end,
// so that one of a fixed length will do, as long as the program's is no longer.
enum { LIST_ROOM = 33 };
#define EIGHT(list, at)                                                               \
  (list)[at], (list)[(at) + 1], (list)[(at) + 2], (list)[(at) + 3], (list)[(at) + 4], \
      (list)[(at) + 5], (list)[(at) + 6], (list)[(at) + 7]
#define AS_LIST(list) (list)[0], EIGHT(list, 1), EIGHT(list, 9), EIGHT(list, 17), EIGHT(list, 25)

// Declares `number`, how many strings there are, and `array`, all of them and nulls behind.
#define COLLECT(array, first)                                    \
  va_list list;                                                  \
  va_start(list, first);                                         \
  size_t number = first ? count(&list) : 0;                      \
  va_end(list);                                                  \
  size_t room = number + 2 < LIST_ROOM ? LIST_ROOM : number + 2; \
  char *array[room];                                             \
  va_start(list, first);                                         \
  collect(array, room, first, &list)

INTERPOSED int execl(const char *path, const char *first, ...) {
  COLLECT(array, first);
  va_end(list);
  if (number >= LIST_ROOM) return execv(path, array);
  if (!recording()) return next.execl(path, AS_LIST(array));
  record_exec();
  unreached_by_path(kernel_getpid(), path, environ);
  return failed(next.execl(path, AS_LIST(array)));
}

INTERPOSED int execlp(const char *file, const char *first, ...) {
  COLLECT(array, first);
  va_end(list);
  if (number >= LIST_ROOM) return execvp(file, array);
  if (!recording()) return next.execlp(file, AS_LIST(array));
  record_exec();
  unreached_by_name(kernel_getpid(), file, environ);
  return failed(next.execlp(file, AS_LIST(array)));
}

INTERPOSED int execle(const char *path, const char *first, ...) {
  COLLECT(array, first);
  char *const *variables = va_arg(list, char *const *);
  va_end(list);
  if (number + 1 >= LIST_ROOM) return execve(path, array, variables);
  array[number + 1] = (char *)variables;  // behind the list's end
  if (!recording()) return next.execle(path, AS_LIST(array));
  record_exec();
  unreached_by_path(kernel_getpid(), path, variables);
  return failed(next.execle(path, AS_LIST(array)));
}
