// Datagrams with credentials and descriptors, as sd_notify(3) sends them.

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "CLinux.h"

// An abstract name has a 0 where NOTIFY_SOCKET says '@', and ends with the address; 0 where
// the name is too long.
static socklen_t make_address(struct sockaddr_un *address, const char *name) {
  size_t length = strlen(name);
  if (length < 2 || length >= sizeof address->sun_path) return 0;
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path, name, length);
  if (name[0] == '@') address->sun_path[0] = 0;
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '@' ? 0 : 1));
}

// Above the standard streams: with those closed, it must not become the program's stdout.
static int above_streams(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(fd);
  return moved;
}

int clinux_notify_bind(char *name, size_t size) {
  int fd = above_streams(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return -1;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t length = sizeof address;
  int on = 1;
  struct timeval patience = {.tv_sec = 5};
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
      // SIGIO wakes who waits for signals.
      fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETFL, O_ASYNC) == 0 &&
      // The kernel chooses a name for an address of no length (unix(7), "Autobind").
      bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 &&
      getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
    size_t count = length - offsetof(struct sockaddr_un, sun_path);
    if (count > 1 && count < size) {
      memcpy(name, address.sun_path, count);
      name[0] = '@';
      name[count] = 0;
      return fd;
    }
  }
  close(fd);
  return -1;
}

union control {
  char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MOST_DESCRIPTORS) + CMSG_SPACE(sizeof(struct ucred))];
  struct cmsghdr aligned;
};

bool clinux_notify_receive(int fd, void *bytes, size_t size, struct clinux_message *message) {
  union control control;
  struct iovec part = {bytes, size};
  struct msghdr header = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got;
  do got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return false;
  *message = (struct clinux_message){.size = (size_t)got};
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_RIGHTS) {
      message->descriptor_count = (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      memcpy(message->descriptors, CMSG_DATA(part),
             sizeof(int) * (size_t)message->descriptor_count);
    } else if (part->cmsg_type == SCM_CREDENTIALS) {
      struct ucred sender;
      memcpy(&sender, CMSG_DATA(part), sizeof sender);
      message->sender = sender.pid;
    }
  }
  return true;
}

int clinux_notify_send(int fd, const char *address, const void *bytes, size_t size,
                       const int *descriptors, int count, bool waits) {
  struct sockaddr_un to;
  socklen_t length = make_address(&to, address);
  if (length == 0) {
    errno = ENAMETOOLONG;
    return -1;
  }
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec part = {(void *)bytes, size};
  struct msghdr header = {
      .msg_name = &to, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    header.msg_control = &control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * (size_t)count);
  }
  ssize_t sent;
  do sent = sendmsg(fd, &header, MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT));
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

// Threads that are closing something.
enum { MOST_CLOSERS = 64 };
static atomic_int closers;

struct closing {
  int count, fds[];
};

static void close_all(const int *fds, int count) {
  for (int i = 0; i < count; i++) close(fds[i]);
}

static void *close_there(void *argument) {
  struct closing *closing = argument;
  close_all(closing->fds, closing->count);
  free(closing);
  atomic_fetch_sub(&closers, 1);
  return NULL;
}

static bool start_closing(const int *fds, int count) {
  struct closing *closing = malloc(sizeof *closing + sizeof *fds * (size_t)count);
  if (!closing) return false;
  closing->count = count;
  memcpy(closing->fds, fds, sizeof *fds * (size_t)count);
  // It takes no signal that is meant for this thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  bool is_started = pthread_create(&thread, NULL, close_there, closing) == 0;
  if (is_started) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!is_started) free(closing);
  return is_started;
}

void clinux_close_elsewhere(const int *fds, int count) {
  if (count == 0) return;
  if (atomic_fetch_add(&closers, 1) < MOST_CLOSERS && start_closing(fds, count)) return;
  atomic_fetch_sub(&closers, 1);
  close_all(fds, count);
}

// In the child: says it, and waits until it has been read (sd_notify_barrier(3)).
static _Noreturn void deliver(int fd, const char *address, const void *bytes, size_t size,
                              const int *descriptors, int count) {
  static const char mark[] = "BARRIER=1";
  int barrier[2];
  (void)clinux_notify_send(fd, address, bytes, size, descriptors, count, true);
  if (pipe2(barrier, O_CLOEXEC) == 0) {
    (void)clinux_notify_send(fd, address, mark, sizeof mark - 1, &barrier[1], 1, true);
    close(barrier[1]);
    struct pollfd read = {.fd = barrier[0]};
    (void)poll(&read, 1, 5000);
  }
  _exit(0);
}

int clinux_notify_send_by_child(int fd, const char *address, const void *bytes, size_t size,
                                const int *descriptors, int count) {
  int done[2];
  if (pipe2(done, O_CLOEXEC) < 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    close(done[0]);
    deliver(fd, address, bytes, size, descriptors, count);
  }
  close(done[1]);
  if (child > 0) return done[0];
  close(done[0]);
  return -1;
}
