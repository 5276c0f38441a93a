// i386: number in eax; arguments in ebx, ecx, edx, esi, edi, ebp; result in eax.
// arch/x86/entry/syscalls/syscall_32.tbl. The direct socket calls came with
// Linux 4.3; before that there was only socketcall(2), and long before MPTCP.

enum {
  SYS_read = 3,
  SYS_epoll_ctl = 255,
  SYS_ppoll = 309 /* time32 */,
  SYS_madvise = 219,
  SYS_bind = 361,
  SYS_setsockopt = 366,
  SYS_close = 6,
  SYS_execve = 11,
  SYS_lseek = 19,
  SYS_gettid = 224,
  SYS_set_tid_address = 258,
  SYS_rt_sigprocmask = 175,
  SYS_clock_gettime = 265 /* time32 */,
  SYS_getpid = 20,
  SYS_dup = 41,
  SYS_ioctl = 54,
  SYS_fcntl = 55,
  SYS_fcntl64 = 221,
  SYS_io_uring_setup = 425,
  SYS_dup2 = 63,
  SYS_prctl = 172,
  SYS_mmap = 192 /* mmap2 */,
  SYS_fstat = 197 /* fstat64 */,
  SYS_getuid = 199,
  SYS_getgid = 200,
  SYS_geteuid = 201,
  SYS_getegid = 202,
  SYS_exit_group = 252,
  SYS_openat = 295,
  SYS_dup3 = 330,
  SYS_execveat = 358,
  SYS_socket = 359,
  SYS_connect = 362,
  SYS_listen = 363,
  SYS_accept4 = 364,
  SYS_getsockopt = 365,
  SYS_recvfrom = 371,
  SYS_getsockname = 367,
  SYS_getpeername = 368,
  SYS_sendto = 369,
  SYS_sendmsg = 370,
  SYS_shutdown = 373,
  SYS_close_range = 436,
  SYS_eventfd2 = 328,
  SYS_clone = 120,
  SYS_clone3 = 435,
  SYS_seccomp = 354,
  SYS_getxattr = 229,
  SYS_readlinkat = 305,
  SYS_faccessat = 307,
  SYS_statx = 383,
};
enum { O_NOFOLLOW = 0400000 };
enum {
  STAT_DEVICE = 0,
  STAT_SIZE = 96,
  STAT_INODE = 88,
  STAT_MODE = 16
};                              // struct stat64, arch/x86/include/uapi/asm/stat.h
#define AUDIT_ARCH 0x40000003u  // include/uapi/linux/audit.h

// ebp may be the frame pointer and cannot be named as an operand: the sixth
// argument and the number travel through memory.
static inline long syscall6(long number, long a, long b, long c, long d, long e, long f) {
  long frame[2] = {number, f};
  long result;
  __asm__ volatile(
      "pushl %%ebp\n\t"
      "movl 4(%%eax), %%ebp\n\t"
      "movl (%%eax), %%eax\n\t"
      "int $0x80\n\t"
      "popl %%ebp"
      : "=a"(result)
      : "a"(frame), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
      : "memory", "cc");
  return result;
}

// What tells threads apart, in user space.
static inline uintptr_t thread_pointer(void) {
  uintptr_t pointer;
  __asm__("movl %%gs:0, %0" : "=r"(pointer));
  return pointer;
}

#include "common.h"
