// x86-64: number in rax; arguments in rdi, rsi, rdx, r10, r8, r9; result in rax;
// rcx and r11 are overwritten. arch/x86/entry/syscalls/syscall_64.tbl.

enum {
  SYS_read = 0,
  SYS_bind = 49,
  SYS_setsockopt = 54,
  SYS_epoll_ctl = 233,
  SYS_ppoll = 271,
  SYS_madvise = 28,
  SYS_close = 3,
  SYS_fstat = 5,
  SYS_lseek = 8,
  SYS_mmap = 9,
  SYS_ioctl = 16,
  SYS_dup = 32,
  SYS_dup2 = 33,
  SYS_gettid = 186,
  SYS_set_tid_address = 218,
  SYS_rt_sigprocmask = 14,
  SYS_clock_gettime = 228,
  SYS_getpid = 39,
  SYS_socket = 41,
  SYS_connect = 42,
  SYS_shutdown = 48,
  SYS_listen = 50,
  SYS_getsockname = 51,
  SYS_sendto = 44,
  SYS_sendmsg = 46,
  SYS_getpeername = 52,
  SYS_getsockopt = 55,
  SYS_recvfrom = 45,
  SYS_execve = 59,
  SYS_fcntl = 72,
  SYS_fcntl64 = -2,  // there is none
  SYS_io_uring_setup = 425,
  SYS_getuid = 102,
  SYS_getgid = 104,
  SYS_geteuid = 107,
  SYS_getegid = 108,
  SYS_prctl = 157,
  SYS_exit_group = 231,
  SYS_openat = 257,
  SYS_accept4 = 288,
  SYS_dup3 = 292,
  SYS_execveat = 322,
  SYS_close_range = 436,
  SYS_eventfd2 = 290,
  SYS_clone = 56,
  SYS_clone3 = 435,
  SYS_seccomp = 317,
  SYS_getxattr = 191,
  SYS_readlinkat = 267,
  SYS_faccessat = 269,
  SYS_statx = 332,
};
enum { O_NOFOLLOW = 0400000 };
enum {
  STAT_DEVICE = 0,
  STAT_SIZE = 144,
  STAT_INODE = 8,
  STAT_MODE = 24
};                              // arch/x86/include/uapi/asm/stat.h
#define AUDIT_ARCH 0xc000003eu  // include/uapi/linux/audit.h

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// Of its own, since it is made for each connection where there are rules: the registers that it
// does not need are the caller's.
static inline long x86_64_syscall4(long number, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
#define syscall4(n, a, b, c, d) x86_64_syscall4((n), (long)(a), (long)(b), (long)(c), (long)(d))

// What tells threads apart, in user space.
static inline uintptr_t thread_pointer(void) {
  uintptr_t pointer;
  __asm__("movq %%fs:0, %0" : "=r"(pointer));
  return pointer;
}

#include "common.h"
