#include "registrations.h"

// Small: this runs on whatever stack the program has.
enum { CHUNK = 512, LINE = 128 };

static const char folder_path[] = "/proc/thread-self/fdinfo/";

static char *append_number(char *end, unsigned int number) {
  char digits[10];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while (number /= 10);
  while (count) *end++ = digits[--count];
  *end = 0;
  return end;
}

// The number that follows `label` in a line, or false.
static bool field(const char *line, const char *label, unsigned int base, uint64_t *number) {
  for (; *line; line++) {
    const char *at = line, *wanted = label;
    while (*wanted && *at == *wanted) at++, wanted++;
    if (*wanted) continue;
    while (*at == ' ' || *at == '\t') at++;
    *number = 0;
    const char *start = at;
    for (;; at++) {
      unsigned int digit;
      if (*at >= '0' && *at <= '9') {
        digit = (unsigned int)(*at - '0');
      } else if (base == 16 && *at >= 'a' && *at <= 'f') {
        digit = (unsigned int)(*at - 'a') + 10;
      } else {
        break;
      }
      *number = *number * base + digit;
    }
    return at > start;
  }
  return false;
}

// As fdinfo has it, MKDEV(major, minor), of what stat has: include/linux/kdev_t.h.
static uint64_t kernel_device(uint64_t device) {
  uint64_t major = (device & 0xfff00) >> 8;
  uint64_t minor = (device & 0xff) | (device >> 12 & 0xfff00);
  return major << 20 | minor;
}

static void add(struct registrations *found, int epoll, int fd, struct epoll_registration event) {
  bool has_fired = (event.events & EPOLLONESHOT) && !(event.events & ~EPOLL_MANNERS);
  if (has_fired || found->count == REGISTRATIONS_MOST) {
    found->failed = true;
    return;
  }
  found->entries[found->count].epoll = epoll;
  found->entries[found->count].fd = fd;
  found->entries[found->count].is_removed = false;
  found->entries[found->count].event = event;
  found->count++;
}

// "tfd:        5 events:       19 data:                5  pos:0 ino:a3b1 sdev:9"
static void examine(struct registrations *found, int epoll, const char *line) {
  uint64_t fd, events, data, inode, device;
  if (!field(line, "tfd:", 10, &fd) || !field(line, "events:", 16, &events) ||
      !field(line, "data:", 16, &data) || !field(line, "ino:", 16, &inode) ||
      !field(line, "sdev:", 16, &device)) {
    return;
  }
  if (inode != found->file.inode || device != kernel_device(found->file.device)) return;
  add(found, epoll, (int)fd, (struct epoll_registration){(uint32_t)events, data});
}

// Whether a descriptor is no epoll set: such a set would say that a new file is not in it.
static bool is_no_epoll(int fd) {
  long other = syscall2(SYS_eventfd2, 0, O_CLOEXEC);
  if (other < 0) return false;
  long result = syscall4(SYS_epoll_ctl, fd, EPOLL_CTL_DEL, other, 0);
  kernel_close((int)other);
  return result == -EINVAL || result == -EBADF;
}

static void read_lines(struct registrations *found, int epoll, long file) {
  char chunk[CHUNK], line[LINE];
  size_t length = 0;
  long size;
  while ((size = syscall3(SYS_read, file, (long)chunk, sizeof chunk)) > 0) {
    for (long i = 0; i < size; i++) {
      if (chunk[i] != '\n') {
        if (length < sizeof line - 1) line[length++] = chunk[i];
        continue;
      }
      line[length] = 0;
      length = 0;
      examine(found, epoll, line);
    }
  }
  // Another thread may have closed it since it was opened here.
  if (size < 0 && !is_no_epoll(epoll)) found->failed = true;
}

static void read_set(struct registrations *found, int fd) {
  char path[sizeof folder_path + 12];
  for (size_t i = 0; i < sizeof folder_path; i++) path[i] = folder_path[i];
  append_number(path + sizeof folder_path - 1, (unsigned int)fd);
  long file = syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
  if (file >= 0) {
    read_lines(found, fd, file);
    kernel_close((int)file);
  } else if (!is_no_epoll(fd)) {
    found->failed = true;
  }
}

void registrations_look_at(struct registrations *found, int fd, const struct kernel_file *file) {
  if (file->type == FILE_ANONYMOUS) read_set(found, fd);
}

bool registrations_claim(const struct registrations *found, struct numbers *numbers,
                         bool is_alone) {
  for (size_t i = 0; i < found->count; i++) {
    if (!numbers_claim(numbers, found->entries[i].fd, is_alone)) return false;
  }
  return true;
}

// The user's watches are counted (fs.epoll.max_user_watches), and a filter may refuse to add.
bool registrations_reserve(const struct registrations *found, int reserve) {
  struct epoll_registration silent = {0, 0};
  bool is_added = false;
  for (size_t i = 0; i < found->count; i++) {
    long result =
        syscall4(SYS_epoll_ctl, found->entries[i].epoll, EPOLL_CTL_ADD, reserve, (long)&silent);
    // Two numbers may be in the same set.
    if (result < 0 && !(is_added && result == -EEXIST)) return false;
    is_added = true;
  }
  return true;
}

bool registrations_remove(struct registrations *found) {
  struct registrations left = {.file = found->file};
  for (size_t i = 0; i < found->count; i++) {
    // Not found is what was found twice, since the set is open under two numbers.
    long result =
        syscall4(SYS_epoll_ctl, found->entries[i].epoll, EPOLL_CTL_DEL, found->entries[i].fd, 0);
    if (result < 0 && result != -ENOENT) return false;
    found->entries[i].is_removed = result >= 0;
  }
  for (size_t i = 0; i < found->count; i++) read_set(&left, found->entries[i].epoll);
  return !left.failed && left.count == 0;
}

bool registrations_make(const struct registrations *found) {
  bool result = true;
  for (size_t i = 0; i < found->count; i++) {
    if (!found->entries[i].is_removed) continue;
    struct epoll_registration event = found->entries[i].event;
    result &= syscall4(SYS_epoll_ctl, found->entries[i].epoll, EPOLL_CTL_ADD, found->entries[i].fd,
                       (long)&event) >= 0;
  }
  return result;
}
