#define _GNU_SOURCE
#include "epoll_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// --- What there is -----------------------------------------------------------------------------

struct line {
  uint64_t number, events, data, inode, device;
};

static bool read_field(const char *text, const char *label, int base, uint64_t *number) {
  const char *place = strstr(text, label);
  if (!place) return false;
  *number = strtoull(place + strlen(label), NULL, base);
  return true;
}

// "tfd:        5 events:       19 data:                5  pos:0 ino:a3b1 sdev:9", proc(5)
static bool read_line(const char *text, struct line *line) {
  return read_field(text, "tfd:", 10, &line->number) &&
         read_field(text, "events:", 16, &line->events) &&
         read_field(text, "data:", 16, &line->data) && read_field(text, "ino:", 16, &line->inode) &&
         read_field(text, "sdev:", 16, &line->device);
}

// As fdinfo has it, MKDEV(major, minor): include/linux/kdev_t.h.
static unsigned int kernel_device(dev_t device) { return major(device) << 20 | minor(device); }

static bool add(struct caller *caller, int set, const struct line *line,
                struct registrations *found) {
  // One that has fired once shows no more what it waited for.
  bool has_fired = (line->events & EPOLLONESHOT) &&
                   !(line->events & ~(EPOLLONESHOT | EPOLLET | EPOLLWAKEUP | EPOLLEXCLUSIVE));
  if (has_fired || found->count == REGISTRATIONS_MOST) return false;
  int borrowed = caller_borrow(caller, set);
  if (borrowed < 0) return false;
  found->entries[found->count++] = (struct registration){
      .set = borrowed,
      .number = (int)line->number,
      .events = (uint32_t)line->events,
      .data = line->data,
  };
  return true;
}

bool registrations_find(struct caller *caller, int set, const struct stat *socket,
                        struct registrations *found) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", caller->thread, set);
  FILE *file = fopen(path, "re");
  if (!file) return false;
  bool result = true;
  while (result && fgets(text, sizeof text, file)) {
    struct line line;
    if (!read_line(text, &line)) continue;
    if (line.inode != socket->st_ino || line.device != kernel_device(socket->st_dev)) continue;
    result = add(caller, set, &line, found);
  }
  fclose(file);
  return result;
}

void registrations_end(struct registrations *found) {
  for (int i = 0; i < found->count; i++) close(found->entries[i].set);
  found->count = 0;
}

// --- The exchange --------------------------------------------------------------------------------

int registrations_floor(const struct registrations *found) {
  int floor = 0;
  for (int i = 0; i < found->count; i++) {
    if (found->entries[i].number >= floor) floor = found->entries[i].number + 1;
  }
  return floor;
}

static int control(const struct registration *entry, int operation, int socket) {
  struct epoll_event event = {entry->events, {.u64 = entry->data}};
  if (dup3(socket, entry->number, O_CLOEXEC) < 0) return -1;
  int result = epoll_ctl(entry->set, operation, entry->number, &event);
  int error = errno;
  close(entry->number);
  errno = error;
  return result;
}

bool registrations_remove(struct registrations *found, int socket) {
  for (int i = 0; i < found->count; i++) {
    struct registration *entry = &found->entries[i];
    int result = control(entry, EPOLL_CTL_DEL, socket);
    // Found twice, since the set is open under two numbers.
    if (result < 0 && errno != ENOENT) return false;
    entry->is_removed = result == 0;
  }
  return true;
}

bool registrations_make(const struct registrations *found, int socket) {
  bool result = true;
  for (int i = 0; i < found->count; i++) {
    const struct registration *entry = &found->entries[i];
    if (entry->is_removed) result &= control(entry, EPOLL_CTL_ADD, socket) == 0;
  }
  return result;
}
