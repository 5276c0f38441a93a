#include "numbers.h"

static bool add(struct numbers *numbers, int fd) {
  size_t count = numbers->count + numbers->claimed;
  long flags = syscall2(SYS_fcntl, fd, F_GETFD);
  if (count == NUMBERS_MOST || flags < 0) return false;
  numbers->entries[count].fd = fd;
  numbers->entries[count].displaced = -1;
  numbers->entries[count].closes_on_exec = flags & FD_CLOEXEC;
  return true;
}

void numbers_look_at(struct numbers *numbers, int fd, const struct kernel_file *file) {
  if (file->inode != numbers->file.inode || file->device != numbers->file.device) return;
  if (add(numbers, fd)) {
    numbers->count++;
  } else {
    numbers->failed = true;
  }
}

// Twice: what has been seen to succeed is not refused for good.
static bool put(const struct numbers *numbers, size_t i, int socket) {
  int flags = numbers->entries[i].closes_on_exec ? O_CLOEXEC : 0;
  long result = syscall3(SYS_dup3, socket, numbers->entries[i].fd, flags);
  if (result < 0) result = syscall3(SYS_dup3, socket, numbers->entries[i].fd, flags);
  return result >= 0;
}

// The file stays open under another number. To close a number of it ends the locks that a process
// has on it (fcntl(2)), which a socket or what has no name cannot have.
static bool displace(struct numbers *numbers, int fd) {
  struct kernel_file file;
  if (kernel_get_file(fd, &file) < 0) return false;
  if ((file.type != FILE_SOCKET && file.type != FILE_ANONYMOUS) || !add(numbers, fd)) return false;
  size_t count = numbers->count + numbers->claimed;
  long displaced = syscall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
  if (displaced < 0) return false;
  if (put(numbers, count, numbers->entries[0].fd)) {
    numbers->entries[count].displaced = (int)displaced;
    numbers->claimed++;
    return true;
  }
  kernel_close((int)displaced);
  return false;
}

bool numbers_claim(struct numbers *numbers, int fd, bool is_alone) {
  for (size_t i = 0; i < numbers->count + numbers->claimed; i++) {
    if (numbers->entries[i].fd == fd) return true;
  }
  // The lowest free number from this one on: it takes none that is in use.
  long got = syscall3(SYS_fcntl, numbers->entries[0].fd, F_DUPFD_CLOEXEC, fd);
  if (got < 0) return false;
  if (got == fd && add(numbers, fd)) {
    numbers->claimed++;
    return true;
  }
  kernel_close((int)got);
  return got != fd && is_alone && displace(numbers, fd);
}

bool numbers_put(const struct numbers *numbers, int socket, size_t *done) {
  size_t count = numbers->count + numbers->claimed;
  for (*done = 0; *done < count; ++*done) {
    bool is_ours = kernel_is_file(numbers->entries[*done].fd, &numbers->file);
    if (!is_ours || !put(numbers, *done, socket)) return false;
  }
  return true;
}

void numbers_put_back(const struct numbers *numbers, int socket, size_t done) {
  for (size_t i = 0; i < done; i++) put(numbers, i, socket);
}

void numbers_release(const struct numbers *numbers) {
  for (size_t i = numbers->count; i < numbers->count + numbers->claimed; i++) {
    int displaced = numbers->entries[i].displaced;
    if (displaced >= 0) {
      put(numbers, i, displaced);
      kernel_close(displaced);
    } else {
      kernel_close(numbers->entries[i].fd);
    }
  }
}
