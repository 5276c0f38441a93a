#include "next.h"

#include "link_map.h"

// These are called before anything is looked up where an option is known to need nothing.

static int first_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  next_resolve();
  return next.setsockopt(fd, level, name, value, length);
}

static int first_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  next_resolve();
  return next.getsockopt(fd, level, name, value, length);
}

static int first_bind(int fd, const void *address, socklen_t length) {
  next_resolve();
  return next.bind(fd, address, length);
}

struct next_functions next = {
    .setsockopt = first_setsockopt, .getsockopt = first_getsockopt, .bind = first_bind};

// The list of loaded objects tells, in the order in which dlsym(RTLD_NEXT) would look, and
// allocates nothing: glibc's dlsym does, at its first call (before 2.34) and for the message
// of a failure, while the call that led here may come out of an allocator that is just
// starting, with its lock held (jemalloc opens a file). Without the list (musl) there is dlsym.
void *next_symbol(const char *name) {
  if (link_map_exists()) return link_map_next(name);
  if (!dlsym) return NULL;
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) {
    // Or the program's next dlerror() would tell of our failure.
    char *(*dlerror)(void) = (char *(*)(void))dlsym(RTLD_NEXT, "dlerror");
    if (dlerror) dlerror();
  }
  return found;
}

// What to call where nothing is next: C libraries lack close_range, closefrom,
// execveat and others depending on their age, and a program that looks for them
// with dlsym finds ours.

static int raw_socket(int family, int type, int protocol) {
  return (int)kernel_result(syscall3(SYS_socket, family, type, protocol));
}

static int raw_bind(int fd, const void *address, socklen_t length) {
  return (int)kernel_result(syscall3(SYS_bind, fd, (long)address, length));
}

static int raw_connect(int fd, const void *address, socklen_t length) {
  return (int)kernel_result(syscall3(SYS_connect, fd, (long)address, length));
}

static int raw_listen(int fd, int backlog) {
  return (int)kernel_result(syscall2(SYS_listen, fd, backlog));
}

static int raw_accept4(int fd, void *address, socklen_t *length, int flags) {
  return (int)kernel_result(syscall4(SYS_accept4, fd, (long)address, (long)length, flags));
}

static int raw_accept(int fd, void *address, socklen_t *length) {
  return raw_accept4(fd, address, length, 0);
}

static int raw_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  return (int)kernel_result(kernel_setsockopt(fd, level, name, value, length));
}

static int raw_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  return (int)kernel_result(kernel_getsockopt(fd, level, name, value, length));
}

static int raw_ioctl(int fd, unsigned long request, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, request);
  void *argument = __builtin_va_arg(list, void *);
  __builtin_va_end(list);
  return (int)kernel_result(kernel_ioctl(fd, request, argument));
}

static int raw_sockatmark(int fd) {
  int32_t at_mark = 0;
  return kernel_result(kernel_ioctl(fd, SIOCATMARK, &at_mark)) < 0 ? -1 : at_mark;
}

static int raw_prctl(int option, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, option);
  long arguments[4];
  for (int i = 0; i < 4; i++) arguments[i] = __builtin_va_arg(list, long);
  __builtin_va_end(list);
  return (int)kernel_result(
      syscall5(SYS_prctl, option, arguments[0], arguments[1], arguments[2], arguments[3]));
}

static long raw_syscall(long number, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, number);
  long arguments[6];
  for (int i = 0; i < 6; i++) arguments[i] = __builtin_va_arg(list, long);
  __builtin_va_end(list);
  return kernel_result(syscall6(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                arguments[4], arguments[5]));
}

static int raw_seccomp(unsigned int operation, unsigned int flags, void *arguments) {
  return (int)kernel_result(syscall3(SYS_seccomp, operation, flags, (long)arguments));
}

static int raw_landlock_create_ruleset(const void *attributes, size_t size, uint32_t flags) {
  return (int)kernel_result(
      syscall3(SYS_landlock_create_ruleset, (long)attributes, (long)size, flags));
}

static int raw_landlock_restrict_self(int ruleset, uint32_t flags) {
  return (int)kernel_result(syscall2(SYS_landlock_restrict_self, ruleset, flags));
}

static long raw_sendto(int fd, const void *data, size_t size, int flags, const void *address,
                       socklen_t length) {
  return kernel_result(
      syscall6(SYS_sendto, fd, (long)data, (long)size, flags, (long)address, length));
}

static long raw_sendmsg(int fd, const struct message *message, int flags) {
  return kernel_result(syscall3(SYS_sendmsg, fd, (long)message, flags));
}

static int raw_epoll_ctl(int set, int operation, int fd, struct epoll_registration *event) {
  return (int)kernel_result(syscall4(SYS_epoll_ctl, set, operation, fd, (long)event));
}

static int raw_fcntl(int fd, int command, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, command);
  long argument = __builtin_va_arg(list, long);
  __builtin_va_end(list);
  return (int)kernel_result(syscall3(SYS_fcntl, fd, command, argument));
}

static int raw_shutdown(int fd, int how) {
  return (int)kernel_result(syscall2(SYS_shutdown, fd, how));
}

static int raw_close(int fd) { return (int)kernel_result(syscall1(SYS_close, fd)); }

static int raw_close_range(unsigned int first, unsigned int last, int flags) {
  return (int)kernel_result(syscall3(SYS_close_range, first, last, flags));
}

static void raw_closefrom(int first) {
  unsigned int from = first < 0 ? 0 : (unsigned int)first;
  if (syscall3(SYS_close_range, from, ~0u, 0) == 0) return;
  for (int fd = (int)from; fd < 65536; fd++) syscall1(SYS_close, fd);  // Linux < 5.9
}

static int raw_dup(int fd) { return (int)kernel_result(syscall1(SYS_dup, fd)); }

static int raw_dup3(int from, int to, int flags) {
  return (int)kernel_result(syscall3(SYS_dup3, from, to, flags));
}

static int raw_dup2(int from, int to) {
  // dup3 refuses equal descriptors, and AArch64 has no dup2.
  if (from != to) return raw_dup3(from, to, 0);
  return (int)kernel_result(syscall2(SYS_fcntl, from, F_GETFD)) < 0 ? -1 : to;
}

static int raw_execve(const char *path, char *const *arguments, char *const *variables) {
  return (int)kernel_result(syscall3(SYS_execve, (long)path, (long)arguments, (long)variables));
}

static int raw_execveat(int fd, const char *path, char *const *arguments, char *const *variables,
                        int flags) {
  return (int)kernel_result(
      syscall5(SYS_execveat, fd, (long)path, (long)arguments, (long)variables, flags));
}

static void raw_exit(int status) {
  for (;;) syscall1(SYS_exit_group, status);
}

#define raw__exit raw_exit
#define raw__Exit raw_exit
#define raw_clone NULL
#define raw_fclose NULL
#define raw_pthread_self NULL
#define raw_pthread_getcpuclockid NULL
#define raw_execv NULL
#define raw_execl NULL
#define raw_execlp NULL
#define raw_execle NULL
#define raw_execvp NULL
#define raw_execvpe NULL
#define raw_fexecve NULL
#define raw_quick_exit NULL
#define raw_posix_spawn NULL
#define raw_posix_spawnp NULL
#define raw_fflush NULL
#define raw_fileno NULL
#define raw___ioctl_time64 raw_ioctl
// A C library that lacks these has no struct flock of another size.
#define raw_fcntl64 raw_fcntl
#define raw___fcntl_time64 raw_fcntl

void next_resolve(void) {
  int before = errno_get();
#define X(result, name, parameters)                               \
  do {                                                            \
    void *found = next_symbol(#name);                             \
    next.name = found ? (result(*) parameters)found : raw_##name; \
  } while (0);
  NEXT_FUNCTIONS(X)
#undef X
  errno_set(before);
}
