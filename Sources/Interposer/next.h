// The next definition of every interposed function: the one the program would
// have called without us. Usually libc's, but possibly another preload
// library's or a sanitizer's.

#ifndef MPTCPIZE_NEXT_H
#define MPTCPIZE_NEXT_H

#include "kernel.h"
#include "libc.h"

struct message;

/// X(result, name, parameters): every function that the library calls on behalf of
/// the program, and what it calls of the C library itself.
#define NEXT_FUNCTIONS(X)                                                                      \
  X(int, socket, (int family, int type, int protocol))                                         \
  X(int, bind, (int fd, const void *address, socklen_t length))                                \
  X(int, connect, (int fd, const void *address, socklen_t length))                             \
  X(int, listen, (int fd, int backlog))                                                        \
  X(long, sendto,                                                                              \
    (int fd, const void *data, size_t size, int flags, const void *address, socklen_t length)) \
  X(long, sendmsg, (int fd, const struct message *message, int flags))                         \
  X(int, epoll_ctl, (int set, int operation, int fd, struct epoll_registration *event))        \
  X(int, fcntl, (int fd, int command, ...))                                                    \
  X(int, fcntl64, (int fd, int command, ...))                                                  \
  X(int, accept, (int fd, void *address, socklen_t *length))                                   \
  X(int, accept4, (int fd, void *address, socklen_t *length, int flags))                       \
  X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length))       \
  X(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *length))            \
  X(int, ioctl, (int fd, unsigned long request, ...))                                          \
  X(int, sockatmark, (int fd))                                                                 \
  X(int, prctl, (int option, ...))                                                             \
  X(long, syscall, (long number, ...))                                                         \
  X(int, seccomp, (unsigned int operation, unsigned int flags, void *arguments))               \
  X(int, landlock_create_ruleset, (const void *attributes, size_t size, uint32_t flags))       \
  X(int, landlock_restrict_self, (int ruleset, uint32_t flags))                                \
  X(uintptr_t, pthread_self, (void))                                                           \
  X(int, pthread_getcpuclockid, (uintptr_t thread, int32_t * clock))                           \
  X(int, shutdown, (int fd, int how))                                                          \
  X(int, close, (int fd))                                                                      \
  X(int, close_range, (unsigned int first, unsigned int last, int flags))                      \
  X(void, closefrom, (int first))                                                              \
  X(int, fclose, (FILE * stream))                                                              \
  X(int, dup, (int fd))                                                                        \
  X(int, dup2, (int from, int to))                                                             \
  X(int, dup3, (int from, int to, int flags))                                                  \
  X(int, execve, (const char *path, char *const *arguments, char *const *variables))           \
  X(int, execv, (const char *path, char *const *arguments))                                    \
  X(int, execl, (const char *path, const char *first, ...))                                    \
  X(int, execlp, (const char *file, const char *first, ...))                                   \
  X(int, execle, (const char *path, const char *first, ...))                                   \
  X(int, execvp, (const char *file, char *const *arguments))                                   \
  X(int, execvpe, (const char *file, char *const *arguments, char *const *variables))          \
  X(int, fexecve, (int fd, char *const *arguments, char *const *variables))                    \
  X(int, execveat,                                                                             \
    (int fd, const char *path, char *const *arguments, char *const *variables, int flags))     \
  X(int, posix_spawn,                                                                          \
    (int32_t * pid, const char *path, const void *actions, const void *attributes,             \
     char *const *arguments, char *const *variables))                                          \
  X(int, posix_spawnp,                                                                         \
    (int32_t * pid, const char *file, const void *actions, const void *attributes,             \
     char *const *arguments, char *const *variables))                                          \
  X(void, _exit, (int status))                                                                 \
  X(void, _Exit, (int status))                                                                 \
  X(void, quick_exit, (int status))                                                            \
  X(int, clone, (int (*run)(void *), void *stack, int flags, void *argument, ...))             \
  X(int, fflush, (FILE * stream))                                                              \
  X(int, fileno, (FILE * stream))                                                              \
  NEXT_TIME64(X)

// Where time_t was 32 bits wide, what programs with a wider one call under another name; see
// libc.h.
#if HAS_TIME64_NAMES
#define NEXT_TIME64(X)                                         \
  X(int, __ioctl_time64, (int fd, unsigned long request, ...)) \
  X(int, __fcntl_time64, (int fd, int command, ...))
#else
#define NEXT_TIME64(X)
#endif

struct next_functions {
#define X(result, name, parameters) result(*name) parameters;
  NEXT_FUNCTIONS(X)
#undef X
};

/// Filled by next_resolve(); a member for which there is no next definition is the
/// raw system call, or null where no system call does the same (fclose, fileno…):
/// no program can have come to call those.
INTERNAL struct next_functions next;

/// Looks all of them up, errno untouched. Idempotent, so that threads may race in it.
void next_resolve(void);

/// The next definition of any symbol, or null.
void *next_symbol(const char *name);

#endif
