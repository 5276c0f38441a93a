#define _GNU_SOURCE
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

bool caller_waits(const struct caller *caller) {
  uint64_t id = caller->id;
  return ioctl(caller->server->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool caller_read(const struct caller *caller, uint64_t address, void *bytes, size_t size) {
  if (size == 0) return true;
  struct iovec here = {bytes, size};
  struct iovec there = {(void *)(uintptr_t)address, size};
  ssize_t count = process_vm_readv(caller->thread, &here, 1, &there, 1, 0);
  return count == (ssize_t)size && caller_waits(caller);
}

static int open_file(const struct caller *caller, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", caller->thread, name);
  return open(path, flags | O_CLOEXEC);
}

bool caller_write(const struct caller *caller, uint64_t address, const void *bytes, size_t size) {
  if (size == 0) return true;
  int memory = open_file(caller, "mem", O_RDWR);
  if (memory < 0) return false;
  bool result =
      caller_waits(caller) && pwrite(memory, bytes, size, (off_t)address) == (ssize_t)size;
  close(memory);
  return result;
}

static void drop(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// --- Its descriptors ---------------------------------------------------------------------------

static int borrow(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

// pidfd_open(2) takes leaders of processes only, before Linux 6.9.
static int open_task(const struct caller *caller) {
  enum { PIDFD_THREAD = O_EXCL };
  int pidfd = (int)syscall(SYS_pidfd_open, caller->thread, PIDFD_THREAD);
  return pidfd >= 0 ? pidfd : (int)syscall(SYS_pidfd_open, caller->thread, 0);
}

// The leader lives on when the thread has ended, and its number may be another one's by then: this
// is not kept.
static int borrow_of_leader(const struct caller *caller, int fd) {
  char status[4096];
  if (caller_text(caller, CALLER_STATUS, status, sizeof status) < 0) return -1;
  long leader = caller_status(status, "Tgid", 0);
  int pidfd = leader <= 0 ? -1 : (int)syscall(SYS_pidfd_open, leader, 0);
  if (pidfd < 0) return -1;
  int borrowed = borrow(pidfd, fd), error = errno;
  close(pidfd);
  errno = error;
  return borrowed;
}

static int borrow_again(const struct caller *caller, int fd) {
  int *pidfd = &caller->known->pidfd;
  int borrowed = -1;
  if (*pidfd >= 0) {
    borrowed = borrow(*pidfd, fd);
    if (borrowed >= 0 || errno != ESRCH) return borrowed;
    drop(pidfd);
  }
  *pidfd = open_task(caller);
  return *pidfd >= 0 ? borrow(*pidfd, fd) : borrow_of_leader(caller, fd);
}

int caller_borrow(struct caller *caller, int fd) {
  int borrowed = borrow_again(caller, fd);
  if (borrowed < 0 || caller_waits(caller)) return borrowed;
  close(borrowed);
  return -1;
}

// --- Its files of /proc ------------------------------------------------------------------------

long caller_file(const struct caller *caller, const char *name, char *text, size_t room) {
  int file = open_file(caller, name, O_RDONLY);
  if (file < 0) return -1;
  ssize_t size = read(file, text, room - 1);
  close(file);
  if (size >= 0) text[size] = 0;
  return size;
}

long caller_text(const struct caller *caller, enum caller_text which, char *text, size_t room) {
  static const char *const names[CALLER_TEXTS] = {"status", "cgroup", "attr/current"};
  int *file = &caller->known->texts[which];
  // The kernel writes it anew for whoever reads from its beginning; ESRCH: the task has ended.
  ssize_t size = *file < 0 ? -1 : pread(*file, text, room - 1, 0);
  if (size < 0) {
    drop(file);
    *file = open_file(caller, names[which], O_RDONLY);
    size = *file < 0 ? -1 : pread(*file, text, room - 1, 0);
  }
  if (size >= 0) text[size] = 0;
  return size;
}

void caller_forget(struct acquaintance *known) {
  *known = (struct acquaintance){.thread = 0, .pidfd = -1};
  for (size_t i = 0; i < CALLER_TEXTS; i++) known->texts[i] = -1;
}

struct acquaintance *caller_known(struct server *server, pid_t thread) {
  for (size_t i = 0; i < server->acquainted; i++) {
    if (server->acquaintances[i].thread == thread) return &server->acquaintances[i];
  }
  struct acquaintance *known = &server->acquaintances[server->turn];
  server->turn = server->turn + 1 < server->acquainted ? server->turn + 1 : 0;
  drop(&known->pidfd);
  for (size_t i = 0; i < CALLER_TEXTS; i++) drop(&known->texts[i]);
  known->thread = thread;
  return known;
}

long caller_status(const char *status, const char *name, int field) {
  size_t length = strlen(name);
  for (const char *line = status; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
    char *place = (char *)line + length + 1;
    long number = -1;
    for (int i = 0; i <= field; i++) number = strtol(place, &place, 10);
    return number;
  }
  return -1;
}

uint64_t caller_namespace(const struct caller *caller, const char *kind) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", caller->thread, kind);
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}
