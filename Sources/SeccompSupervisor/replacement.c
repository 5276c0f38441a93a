// Replaces an MPTCP socket of the caller by plain TCP. Everything is carried over first. Then
// the old socket leaves its epoll sets, and the new one gets each of its numbers and enters the
// sets. The caller's own call continues and sets the option that led here on the new socket.
//
// If another thread of the caller gives a number away meanwhile, the number loses its new file: no
// call replaces only a certain descriptor. This affects only that thread's own process.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"
#include "carrying.h"
#include "epoll_sets.h"
#include "errand.h"
#include "kept.h"

// --- Where it is open ------------------------------------------------------------------------

enum { NUMBERS_MOST = 16 };

// The socket's numbers in the caller's process.
struct numbers {
  int count;
  int fds[NUMBERS_MOST];
  uint32_t flags[NUMBERS_MOST];  // O_CLOEXEC or 0
};

struct replacement {
  const struct server *server;
  const struct caller *caller;
  int old, new;
  struct numbers numbers;
  struct registrations registrations;
  bool is_done;
};

static bool read_flags(const struct caller *caller, const char *number, uint32_t *flags) {
  char name[64], text[4096];
  snprintf(name, sizeof name, "fdinfo/%s", number);
  if (caller_file(caller, name, text, sizeof text) < 0) return false;
  const char *line = strstr(text, "flags:");
  *flags = line && strtoul(line + sizeof "flags:", NULL, 8) & O_CLOEXEC ? O_CLOEXEC : 0;
  return line != NULL;
}

static bool look_at(struct caller *caller, const char *number, const char *link,
                    const struct stat *socket, struct replacement *found) {
  char wanted[48];
  struct numbers *numbers = &found->numbers;
  snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)socket->st_ino);
  if (strcmp(link, wanted) == 0) {
    if (numbers->count == NUMBERS_MOST) return false;
    int place = numbers->count++;
    numbers->fds[place] = (int)strtol(number, NULL, 10);
    return read_flags(caller, number, &numbers->flags[place]);
  }
  if (strcmp(link, "anon_inode:[eventpoll]") != 0) return true;
  return registrations_find(caller, (int)strtol(number, NULL, 10), socket, &found->registrations);
}

static bool find(struct caller *caller, const struct stat *socket, struct replacement *found) {
  char path[64], link[128];
  snprintf(path, sizeof path, "/proc/%d/fd", caller->thread);
  DIR *directory = opendir(path);
  if (!directory) return false;
  bool result = true;
  struct dirent *entry;
  while (result && (entry = readdir(directory))) {
    if (entry->d_name[0] == '.') continue;
    ssize_t size = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    if (size < 0) continue;
    link[size] = 0;
    result = look_at(caller, entry->d_name, link, socket, found);
  }
  closedir(directory);
  return result && found->numbers.count > 0;
}

// --- The exchange ----------------------------------------------------------------------------

// A fresh socket, bound or not, is the only one that shows exactly these two.
bool replacement_is_possible(int socket) {
  struct pollfd request = {socket, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0};
  return poll(&request, 1, 0) == 1 && request.revents == (POLLOUT | POLLHUP);
}

// Puts a socket under the first `count` numbers; how many it could.
static int put(const struct replacement *replacement, int socket, int count) {
  const struct numbers *numbers = &replacement->numbers;
  bool is_answer = false;
  for (int i = 0; i < count; i++) {
    int result = server_hand_over(replacement->server, replacement->caller->id, socket,
                                  numbers->flags[i], numbers->fds[i], &is_answer);
    if (result < 0) return i;
  }
  return count;
}

// One step, or nothing: another thread may connect the old socket meanwhile.
static void exchange(struct replacement *replacement) {
  struct registrations *registrations = &replacement->registrations;
  int count = replacement->numbers.count, done = 0;
  if (registrations_remove(registrations, replacement->old)) {
    done = put(replacement, replacement->new, count);
    replacement->is_done = done == count && replacement_is_possible(replacement->old) &&
                           registrations_make(registrations, replacement->new);
  }
  if (replacement->is_done) return;
  put(replacement, replacement->old, done);
  // Where the new one has come so far, it leaves the sets with its last number.
  registrations_make(registrations, replacement->old);
}

// In a process whose descriptors have any number that is wanted.
static void exchange_elsewhere(void *argument) {
  struct replacement *replacement = argument;
  struct registrations *registrations = &replacement->registrations;
  struct server server = *replacement->server;
  int floor = registrations_floor(registrations);
  int *moved[] = {&server.listener, &replacement->old, &replacement->new};
  bool result = true;
  for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
    *moved[i] = fcntl(*moved[i], F_DUPFD_CLOEXEC, floor);
    result = result && *moved[i] >= 0;
  }
  for (int i = 0; i < registrations->count; i++) {
    struct registration *entry = &registrations->entries[i];
    entry->set = fcntl(entry->set, F_DUPFD_CLOEXEC, floor);
    result = result && entry->set >= 0;
  }
  replacement->server = &server;
  if (result) exchange(replacement);
}

static bool carry_out(struct replacement *replacement) {
  if (replacement->registrations.count == 0) {
    exchange(replacement);
    return replacement->is_done;
  }
  struct replacement copy = *replacement;
  return errand_run(exchange_elsewhere, &copy, false) && copy.is_done;
}

static bool replace(struct replacement *replacement, struct server *server, uint64_t inode) {
  int old = replacement->old, new = replacement->new;
  bool was_exclusive = false;
  struct stat status;
  bool result = fstat(new, &status) == 0 &&
                carrying_all(server->shared, old, inode, new, &was_exclusive) &&
                carry_out(replacement);
  if (!result && was_exclusive) carrying_share(old, 0);
  if (!result) return false;
  kept_forget(server->shared, status.st_ino);
  if (was_exclusive) kept_put(server->shared, status.st_ino, LINE_EXCLUSIVE, 1);
  return true;
}

bool replacement_put(struct server *server, struct caller *caller, int socket, uint64_t *inode) {
  struct replacement replacement = {.server = server, .caller = caller, .old = socket};
  struct stat status;
  int family = 0;
  socklen_t length = sizeof family;
  if (!replacement_is_possible(socket) || fstat(socket, &status) < 0) return false;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0) return false;
  bool result = find(caller, &status, &replacement);
  if (result) {
    replacement.new = socket_for(caller, family, SOCK_STREAM, IPPROTO_TCP);
    result = replacement.new >= 0 && replace(&replacement, server, *inode);
    if (result && fstat(replacement.new, &status) == 0) *inode = status.st_ino;
    if (result) count(server, SECCOMP_SOCKETS_REPLACED);
    if (replacement.new >= 0) close(replacement.new);
  }
  registrations_end(&replacement.registrations);
  return result;
}

// --- A listener whose address another process holds, too ---------------------------------------

// A listener may share its address with a socket that does not listen if both allow it when it
// begins to: net/ipv4/inet_connection_sock.c, inet_csk_get_port(). The old socket goes on allowing
// it, for it may be open in a process that was forked.
struct outcome replacement_listen(struct server *server, struct caller *caller,
                                  const struct call *call) {
  int32_t unused;
  struct stat status;
  struct outcome outcome = OUTCOME_GO_ON;
  int socket = caller_borrow(caller, (int)call->arguments[0]);
  if (socket < 0) return outcome;
  int backlog = (int)call->arguments[1], shares = 1;
  socklen_t length = sizeof shares;
  if (fstat(socket, &status) == 0 &&
      kept_get(server->shared, status.st_ino, LINE_EXCLUSIVE, &unused) &&
      getsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &shares, &length) == 0 && shares == 0 &&
      carrying_share(socket, 1)) {
    outcome = listen(socket, backlog) == 0 ? OUTCOME_SUCCESS : outcome_error(errno);
    carrying_share(socket, 0);
  }
  close(socket);
  return outcome;
}
