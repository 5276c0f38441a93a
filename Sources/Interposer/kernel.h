// The whole contract with the kernel: the few system calls that the library itself
// makes, the constants it uses, the layouts it reads. It uses no system headers: the
// library is built for architectures whose headers the building machine does not
// have, and must not depend on one C library's types.
//
// A raw call returns the kernel's result, a negative errno for an error, and
// never touches the program's errno.

#ifndef MPTCPIZE_KERNEL_H
#define MPTCPIZE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/native.h"
#include "unasked.h"

// include/linux/socket.h
enum { AF_INET = 2, AF_INET6 = 10 };
enum { IPPROTO_IP = 0, IPPROTO_TCP = 6, IPPROTO_IPV6 = 41, SOL_MPTCP = 284 };

// include/uapi/asm-generic/socket.h
enum {
  SOL_SOCKET = 1,
  SO_REUSEADDR = 2,
  SO_SNDBUF = 7,
  SO_RCVBUF = 8,
  SO_PRIORITY = 12,
  SO_RCVLOWAT = 18,
  SO_ACCEPTCONN = 30,
  SO_SNDBUFFORCE = 32,
  SO_RCVBUFFORCE = 33,
  SO_MARK = 36,
  SO_PROTOCOL = 38,
  SO_DOMAIN = 39,
  SO_MEMINFO = 55,
  SO_BINDTOIFINDEX = 62,
  SO_NETNS_COOKIE = 71,
  SO_BUF_LOCK = 72,
  SO_PASSRIGHTS = 83
};

// include/uapi/linux/tcp.h, mptcp.h
enum {
  TCP_NODELAY = 1,
  TCP_CORK = 3,
  TCP_WINDOW_CLAMP = 10,
  TCP_INFO = 11,
  TCP_NOTSENT_LOWAT = 25,
  MPTCP_INFO = 1,
  MPTCP_TCPINFO = 2
};

// include/uapi/linux/sockios.h, asm-generic/ioctls.h; FIONREAD is SIOCINQ too
enum { SIOCATMARK = 0x8905, SIOCOUTQNSD = 0x894b, FIONREAD = 0x541b };

// include/uapi/asm-generic/errno*.h
enum {
  EPERM = 1,
  ENOENT = 2,
  EINTR = 4,
  EBADF = 9,
  EACCES = 13,
  EFAULT = 14,
  EEXIST = 17,
  EINVAL = 22,
  ENOTTY = 25,
  ENOTSOCK = 88,
  ENOPROTOOPT = 92,
  EOPNOTSUPP = 95,
  EADDRINUSE = 98,
  ENOTCONN = 107,
  EINPROGRESS = 115
};

// include/uapi/asm-generic/fcntl.h; O_NOFOLLOW is the architecture's own
enum { O_RDONLY = 0, O_RDWR = 2, O_NONBLOCK = 04000, O_ASYNC = 020000, O_CLOEXEC = 02000000 };
enum { F_GETFD = 1, F_GETFL = 3, F_SETFL = 4, F_SETSIG = 10, F_GETSIG = 11, FD_CLOEXEC = 1 };
enum { F_SETOWN_EX = 15, F_GETOWN_EX = 16, F_DUPFD_CLOEXEC = 1030, AT_FDCWD = -100 };
enum { SEEK_END = 2 };

// include/uapi/asm-generic/mman*.h
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1 };

enum { PR_GET_NAME = 16, AT_SECURE = 23 };

typedef uint32_t socklen_t;

/// struct sockaddr_in, sockaddr_in6: all that is ever read of an address.
/// The arguments of bind or connect, in memory: in registers that every call would have to save
/// they would cost more.
struct address_call {
  int fd;
  socklen_t length;
  const void *address;
};

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

/// struct pollfd, and the time-out of ppoll(2).
struct poll_request {
  int32_t fd;
  int16_t events, revents;
};
enum { POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLRDHUP = 0x2000 };
struct kernel_timespec {
  long seconds, nanoseconds;
};

/// struct epoll_event, include/uapi/linux/eventpoll.h.
struct epoll_registration {
  uint32_t events;
  uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;
enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2 };
enum { EPOLLET = 1u << 31 };
#define EPOLLONESHOT (1u << 30)
// EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET: no events, but how they are told.
#define EPOLL_MANNERS 0xf0000000u

/// The result as a C library gives it: -1 and errno, or the value.
long kernel_result(long result);

static inline long kernel_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  return syscall5(SYS_getsockopt, fd, level, name, (long)value, (long)length);
}

static inline long kernel_setsockopt(int fd, int level, int name, const void *value,
                                     socklen_t length) {
  return syscall5(SYS_setsockopt, fd, level, name, (long)value, (long)length);
}

/// Whether a TCP or MPTCP socket is neither connected nor connecting nor listening, nor ever was.
bool kernel_is_unconnected(int fd);

/// An integer option; negative errno where it cannot be read.
int64_t kernel_get_int(int fd, int level, int name);

/// Names a socket, whatever descriptor or process it is open in; 0 when it cannot be told.
/// Not SO_COOKIE: an accepted MPTCP socket has its listener's, once that one has been asked.
uint64_t kernel_inode(int fd);

/// S_IFMT of st_mode, include/uapi/linux/stat.h.
enum file_type {
  FILE_ANONYMOUS = 0,  ///< epoll, eventfd and the like: the kernel shows no type
  FILE_SOCKET = 0140000,
};

/// Names a file of any kind, which the number of its inode alone does not.
struct kernel_file {
  uint64_t device, inode;
  enum file_type type;
};

/// 0, or a negative errno.
static inline long kernel_get_file(int fd, struct kernel_file *file) {
  uint64_t status[(STAT_SIZE + 7) / 8];
  long result = syscall2(SYS_fstat, fd, (long)status);
  if (result < 0) return result;
  *file = (struct kernel_file){
      .device = status[STAT_DEVICE / 8],
      .inode = status[STAT_INODE / 8],
      .type = (enum file_type)(((const uint32_t *)status)[STAT_MODE / 4] & 0170000),
  };
  return 0;
}

/// Whether this file is open as `fd`.
bool kernel_is_file(int fd, const struct kernel_file *file);

static inline long kernel_ioctl(int fd, unsigned long request, void *argument) {
  return syscall3(SYS_ioctl, fd, (long)request, (long)argument);
}

/// Closes a descriptor of our own. What refuses that, a filter, may be asked again: the kernel
/// itself never fails to.
void kernel_close(int fd);

/// Whether descriptors may be closed at all.
bool kernel_may_close(void);

/// Keeps the program's signal handlers away; false where that is refused. Those of its own faults
/// stay: a blocked one kills. SIGSYS is among them, by which sandboxes answer system calls.
bool kernel_hold_signals(uint64_t *before);
void kernel_release_signals(uint64_t before);

/// CLOCK_MONOTONIC_COARSE, in milliseconds; as coarse as the kernel's tick, at most 10 ms. 0 where
/// it is not told, as by a filter from before this program image.
static inline uint64_t kernel_milliseconds(void) {
  enum { CLOCK_MONOTONIC_COARSE = 6 };
  long time[2] = {0, 0};
  if (syscall2(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, (long)time) < 0) return 0;
  return (uint64_t)time[0] * 1000 + (unsigned long)time[1] / 1000000;
}

static inline int32_t kernel_getpid(void) { return (int32_t)syscall1(SYS_getpid, 0); }

#endif
