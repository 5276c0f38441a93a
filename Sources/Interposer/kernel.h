// The whole contract with the kernel: the few system calls that the library makes
// by itself, the constants it uses, the layouts it reads. Nothing here comes from
// system headers: the library is built for architectures whose headers the
// building machine does not have, and may not depend on one C library's types.
//
// A raw call returns the kernel's result, a negative errno for an error, and
// never touches the program's errno.

#ifndef MPTCPIZE_KERNEL_H
#define MPTCPIZE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__i386__)
#include "arch/i386.h"
#elif defined(__aarch64__)
#include "arch/aarch64.h"
#else
#error "no system call layer for this architecture: add Sources/Interposer/arch/<name>.h"
#endif

// include/linux/socket.h
enum { AF_INET = 2, AF_INET6 = 10 };
enum { IPPROTO_TCP = 6 };

// include/uapi/asm-generic/socket.h
enum { SOL_SOCKET = 1, SO_PROTOCOL = 38, SO_DOMAIN = 39 };

// include/uapi/asm-generic/errno*.h
enum { EFAULT = 14 };

// include/uapi/asm-generic/fcntl.h; O_NOFOLLOW is the architecture's own
enum { O_RDONLY = 0, O_RDWR = 2, O_CLOEXEC = 02000000, AT_FDCWD = -100 };
enum { F_GETFD = 1, FD_CLOEXEC = 1 };
enum { SEEK_END = 2 };

// include/uapi/asm-generic/mman*.h
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1 };

enum { PR_GET_NAME = 16, AT_SECURE = 23 };

typedef uint32_t socklen_t;

/// struct sockaddr_in, sockaddr_in6: all that is ever read of an address.
union socket_address {
  uint16_t family;
  struct {
    uint16_t family, port;
    uint8_t address[4];
  } inet;
  struct {
    uint16_t family, port;
    uint32_t flowinfo;
    uint8_t address[16];
    uint32_t scope;
  } inet6;
};

/// struct linux_dirent64, include/linux/dirent.h.
struct directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

/// The result as a C library gives it: -1 and errno, or the value.
long kernel_result(long result);

static inline long kernel_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  return syscall5(SYS_getsockopt, fd, level, name, (long)value, (long)length);
}

static inline long kernel_ioctl(int fd, unsigned long request, void *argument) {
  return syscall3(SYS_ioctl, fd, (long)request, (long)argument);
}

static inline int32_t kernel_getpid(void) { return (int32_t)syscall1(SYS_getpid, 0); }

#endif
