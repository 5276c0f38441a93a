// AArch64: number in x8; arguments in x0 to x5; result in x0.
// include/uapi/asm-generic/unistd.h.

enum {
  SYS_epoll_ctl = 21,
  SYS_read = 63,
  SYS_ppoll = 73,
  SYS_madvise = 233,
  SYS_bind = 200,
  SYS_setsockopt = 208,
  SYS_dup = 23,
  SYS_dup3 = 24,
  SYS_fcntl = 25,
  SYS_dup2 = -1,     // there is none
  SYS_fcntl64 = -2,  // nor of this
  SYS_io_uring_setup = 425,
  SYS_ioctl = 29,
  SYS_openat = 56,
  SYS_close = 57,
  SYS_lseek = 62,
  SYS_fstat = 80,
  SYS_exit_group = 94,
  SYS_prctl = 167,
  SYS_gettid = 178,
  SYS_set_tid_address = 96,
  SYS_rt_sigprocmask = 135,
  SYS_clock_gettime = 113,
  SYS_getpid = 172,
  SYS_getuid = 174,
  SYS_geteuid = 175,
  SYS_getgid = 176,
  SYS_getegid = 177,
  SYS_socket = 198,
  SYS_listen = 201,
  SYS_connect = 203,
  SYS_getsockname = 204,
  SYS_getpeername = 205,
  SYS_sendto = 206,
  SYS_sendmsg = 211,
  SYS_getsockopt = 209,
  SYS_recvfrom = 207,
  SYS_shutdown = 210,
  SYS_execve = 221,
  SYS_mmap = 222,
  SYS_accept4 = 242,
  SYS_execveat = 281,
  SYS_close_range = 436,
  SYS_eventfd2 = 19,
  SYS_clone = 220,
  SYS_clone3 = 435,
  SYS_seccomp = 277,
  SYS_getxattr = 8,
  SYS_readlinkat = 78,
  SYS_faccessat = 48,
  SYS_statx = 291,
};
enum { O_NOFOLLOW = 0100000 };
enum {
  STAT_DEVICE = 0,
  STAT_SIZE = 128,
  STAT_INODE = 8,
  STAT_MODE = 16
};                              // include/uapi/asm-generic/stat.h
#define AUDIT_ARCH 0xc00000b7u  // include/uapi/linux/audit.h

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
                   : "memory", "cc");
  return x0;
}

// What tells threads apart, in user space.
static inline uintptr_t thread_pointer(void) {
  uintptr_t pointer;
  __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
  return pointer;
}

#include "common.h"
