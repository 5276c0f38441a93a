// What Swift cannot see of Linux and of the C library: macros with arguments,
// variadic functions, functions that Swift's import forbids. Each comment tells why.

#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>    // not in Swift's Glibc module
#include <sys/random.h>  // not in Swift's Glibc module
#include <sys/types.h>
#include <sys/xattr.h>  // not in Swift's Glibc module

/// ioctl is variadic, and so are its arguments' types.
int clinux_ioctl_int(int fd, unsigned long request, int *argument);

// --- Processes ------------------------------------------------------------

/// Digits of a 64-bit number.
#define CLINUX_DIGITS 20

/// A program to start, its strings NUL-terminated, its lists NULL-terminated.
struct clinux_program {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const sigset_t *mask;
  /// Where in `environment` the program's own PID is to stand, and the inode number of its
  /// pidfd (none where that is unknown); room for CLINUX_DIGITS each, and a NUL behind.
  char *const *own_pids;
  char *const *own_pidfds;
};

/// fork is unavailable in Swift, and between it and exec only C may run.
///
/// Starts a program in the caller's process group, with the signal mask given. The
/// child is killed when the calling thread ends (PR_SET_PDEATHSIG). SIGCHLD keeps
/// its disposition in the child and becomes SIG_DFL in the caller: ignored, the
/// kernel would throw the child's status away.
///
/// Returns its PID once exec has succeeded, else -1 with errno; `*exec_failed` tells
/// whether that is exec's errno.
pid_t clinux_spawn(const struct clinux_program *program, bool *exec_failed);

/// Becomes the program, in a child of its own: its PID goes where the program wants it, and its
/// signal mask is set. Returns the errno of exec.
int clinux_execute(const struct clinux_program *program);

/// The inode number of this process's pidfd, which systemd calls its ID; 0: not known.
uint64_t clinux_pidfd_inode(void);

/// fork(2), which Swift's import forbids. Only for a process with one thread.
pid_t clinux_fork(void);

/// One signal as sigtimedwait(2) tells it: siginfo_t is a union behind macros.
struct clinux_signal {
  int number;
  int code;      ///< SI_USER, SI_KERNEL, SI_QUEUE, CLD_EXITED, …
  pid_t sender;  ///< of SI_USER and SI_QUEUE; 0 from another PID namespace
  union sigval value;
};

/// Waits for one of the blocked signals; false when the time is up.
bool clinux_wait_signal(const sigset_t *signals, int milliseconds, struct clinux_signal *signal);

/// Whether a signal's disposition is SIG_IGN: a function pointer, which Swift cannot compare.
bool clinux_ignores(int signal);

/// SIGRTMIN is a function call behind a macro.
int clinux_sigrtmin(void);

/// No wrappers before glibc 2.36 (pidfd_open, pidfd_getfd) and 2.34 (close_range);
/// syscall() is variadic. -1 and errno on failure, ENOSYS included.
int clinux_pidfd_open(pid_t pid);
int clinux_pidfd_getfd(int pidfd, int fd);
int clinux_close_range(unsigned int first, unsigned int last);

/// prctl is variadic: PR_SET_DUMPABLE 0.
int clinux_set_not_dumpable(void);

/// getsockopt(2) and ioctl(2) with a negative errno as their failure, as
/// `struct mptcpize_kernel` of SocketPolicy.h wants them.
long clinux_getsockopt(int fd, int level, int name, void *value, uint32_t *length);
long clinux_ioctl(int fd, unsigned long request, void *argument);

/// prctl is variadic. 1 when PR_SET_NO_NEW_PRIVS is in force, 0 when it is not.
int clinux_no_new_privileges(void);

/// What main() got, whether or not /proc is mounted: Swift's CommandLine reads /proc/self/cmdline,
/// and is empty without.
int clinux_argument_count(void);
const char *clinux_argument(int index);

/// Whether bytes occur in others: memmem is a GNU name.
bool clinux_contains(const void *all, size_t size, const void *part, size_t part_size);

/// Whether this program is linked statically, so that no library can be loaded into it. Users
/// and hosts are then looked up in files and DNS only.
bool clinux_is_static(void);

// --- Notifications of a service manager -----------------------------------

/// Descriptors that one message brings at most (SCM_MAX_FD of the kernel).
#define CLINUX_MOST_DESCRIPTORS 253

/// What a datagram of an AF_UNIX socket holds: control messages are behind macros.
struct clinux_message {
  size_t size;
  pid_t sender;  ///< 0: not known
  int descriptor_count;
  int descriptors[CLINUX_MOST_DESCRIPTORS];
};

/// A socket bound to an abstract address of the kernel's choosing, which tells who sends, and
/// raises SIGIO when something has come; its name, with the '@' that NOTIFY_SOCKET has before
/// it, goes to `name`. -1 and errno.
int clinux_notify_bind(char *name, size_t size);

/// Receives one datagram, without waiting. Its descriptors are the caller's, close-on-exec.
bool clinux_notify_receive(int fd, void *bytes, size_t size, struct clinux_message *message);

/// Sends one to `address`, a path or '@' and a name, and waits for room if told to, for 5 s at
/// most; -1 and errno.
int clinux_notify_send(int fd, const char *address, const void *bytes, size_t size,
                       const int *descriptors, int count, bool waits);

/// Closes descriptors that somebody else has sent, in a thread of its own: to close a file for the
/// last time can block, for as long as its owner has arranged (SO_LINGER, FUSE). Here, where there
/// are too many such threads already.
void clinux_close_elsewhere(const int *fds, int count);

/// The same by a child, which lives until the message has been read: its receiver looks up whose
/// it is by the sender's cgroup. Returns a pipe whose end comes when it is through, or -1. (In C:
/// in a branch that ends with exit, Swift may close what the caller owns before the last use of
/// its number.)
int clinux_notify_send_by_child(int fd, const char *address, const void *bytes, size_t size,
                                const int *descriptors, int count);

/// syslog(3) is variadic: writes a warning to the system's log.
void clinux_log_warning(const char *program, const char *text);

// --- Files and namespaces -------------------------------------------------

/// O_PATH of fcntl.h, a GNU name.
extern const int clinux_o_path;

/// A new file in memory, close-on-exec; -1 and errno.
int clinux_memory_file(void);

/// The f_type of fstatfs(2), whose name is that of its structure; -1 and errno.
int64_t clinux_file_system_type(int fd);

/// openat2(2) of a path whose every component must be no symbolic link: glibc has
/// no wrapper, and syscall() is variadic. -1 and ELOOP where there is a link.
int clinux_open_without_links(int directory, const char *path, int flags);

/// open_by_handle_at(2) of a directory of kernfs (cgroup2) by its inode number;
/// struct file_handle ends in a flexible array. -1 and ESTALE when it is gone.
int clinux_open_kernfs(int mount, uint64_t inode, int flags);

/// renameat2(2) with RENAME_EXCHANGE or RENAME_NOREPLACE, which are GNU names.
int clinux_rename_exchange(int directory, const char *one, const char *other);
int clinux_rename_new(int directory, const char *from, const char *to);

/// Moves this process into a new network namespace, or back into the one that the
/// descriptor names: both functions are GNU extensions.
int clinux_new_network_namespace(void);
int clinux_enter_network_namespace(int namespace);

/// Whether this kernel loses edges of an MPTCP socket that fell back to TCP: its program reads as
/// much as FIONREAD said, and epoll_wait never tells of the rest (Linux 6.15 to 6.18). Tried over
/// loopback, in some milliseconds; 0 where no connection can be had.
int clinux_edges_are_lost(void);

#endif
