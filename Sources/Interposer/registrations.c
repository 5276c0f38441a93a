#include "registrations.h"

#include "descriptors.h"

// Small: this runs on whatever stack the program has.
enum { CHUNK = 512, LINE = 160 };

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

struct search {
  uint64_t inode;
  struct registrations *found;
};

// "tfd:        5 events:       19 data:                5  pos:0 ino:a3b1 sdev:9"
static void examine(const char *line, int epoll, const struct search *search) {
  uint64_t fd, events, data, inode;
  if (!field(line, "tfd:", 10, &fd) || !field(line, "events:", 16, &events) ||
      !field(line, "data:", 16, &data) || !field(line, "ino:", 16, &inode)) {
    return;
  }
  if (inode != search->inode) return;
  struct registrations *found = search->found;
  if (found->count == REGISTRATIONS_MOST) return;
  found->entries[found->count].epoll = epoll;
  found->entries[found->count].fd = (int)fd;
  found->entries[found->count].event = (struct epoll_registration){(uint32_t)events, data};
  found->count++;
}

static void read_information(int number, void *context) {
  const struct search *search = context;
  char path[sizeof folder_path + 12];
  for (size_t i = 0; i < sizeof folder_path; i++) path[i] = folder_path[i];
  append_number(path + sizeof folder_path - 1, (unsigned int)number);
  long file = syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return;
  char chunk[CHUNK], line[LINE];
  size_t length = 0;
  for (;;) {
    long size = syscall3(SYS_read, file, (long)chunk, sizeof chunk);
    if (size <= 0) break;
    for (long i = 0; i < size; i++) {
      if (chunk[i] != '\n') {
        if (length < sizeof line - 1) line[length++] = chunk[i];
        continue;
      }
      line[length] = 0;
      length = 0;
      examine(line, number, search);
    }
  }
  syscall1(SYS_close, file);
}

void registrations_find(int fd, struct registrations *found) {
  found->count = 0;
  struct search search = {kernel_inode(fd), found};
  descriptors_each(FILE_ANONYMOUS, read_information, &search);
}

void registrations_restore(const struct registrations *found, int fd) {
  uint64_t inode = kernel_inode(fd);
  for (size_t i = 0; i < found->count; i++) {
    struct epoll_registration event = found->entries[i].event;
    int number = kernel_inode(found->entries[i].fd) == inode ? found->entries[i].fd : fd;
    syscall4(SYS_epoll_ctl, found->entries[i].epoll, EPOLL_CTL_ADD, number, (long)&event);
  }
}
