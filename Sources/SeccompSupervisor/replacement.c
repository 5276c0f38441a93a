// Replaces an MPTCP socket of the caller by plain TCP. Everything is carried over first; then the
// new socket gets each of the old numbers. The caller's own call continues and sets the option that
// led here on the new socket.
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
#include "kept.h"

// --- Where it is open ------------------------------------------------------------------------

enum { NUMBERS_MOST = 16 };

struct numbers {
  int count;
  int fds[NUMBERS_MOST];
  uint32_t flags[NUMBERS_MOST];  // O_CLOEXEC or 0
};

// The flags of a descriptor, or whether an epoll set watches the socket.
static bool look_into(const struct caller *caller, const char *number, uint64_t inode,
                      uint32_t *flags) {
  char name[64], text[65536], wanted[32];
  snprintf(name, sizeof name, "fdinfo/%s", number);
  long size = caller_file(caller, name, text, sizeof text);
  if (size < 0 || size >= (long)sizeof text - 1) return false;
  if (flags) {
    const char *line = strstr(text, "flags:");
    *flags = line && strtoul(line + sizeof "flags:", NULL, 8) & O_CLOEXEC ? O_CLOEXEC : 0;
    return line != NULL;
  }
  snprintf(wanted, sizeof wanted, "ino:%llx ", (unsigned long long)inode);
  return !strstr(text, wanted);
}

// False where it cannot be replaced: a registration in an epoll set would be lost.
static bool look_at(const struct caller *caller, const char *number, const char *link,
                    uint64_t inode, struct numbers *numbers) {
  char wanted[48];
  snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)inode);
  if (strcmp(link, wanted) == 0) {
    if (numbers->count == NUMBERS_MOST) return false;
    int place = numbers->count++;
    numbers->fds[place] = (int)strtol(number, NULL, 10);
    return look_into(caller, number, inode, &numbers->flags[place]);
  }
  return strcmp(link, "anon_inode:[eventpoll]") != 0 || look_into(caller, number, inode, NULL);
}

static bool find_numbers(const struct caller *caller, uint64_t inode, struct numbers *numbers) {
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
    result = look_at(caller, entry->d_name, link, inode, numbers);
  }
  closedir(directory);
  return result && numbers->count > 0;
}

// --- What it has -----------------------------------------------------------------------------

struct value {
  socklen_t length;
  uint8_t bytes[64];
};

static int get(int fd, const struct mptcpize_option_key *option, struct value *value) {
  *value = (struct value){.length = sizeof value->bytes};
  int result = getsockopt(fd, option->level, option->number, value->bytes, &value->length);
  return result == 0 ? 0 : errno;
}

static bool is_refusal(int error) { return error == ENOPROTOOPT || error == EOPNOTSUPP; }

// Whether the program has chosen this buffer's size (Linux 5.15 tells), or the kernel did.
static bool is_chosen(int from, int number) {
#ifndef SO_BUF_LOCK
  enum { SO_BUF_LOCK = 72 };
#endif
  int locks = 0;
  socklen_t length = sizeof locks;
  if (getsockopt(from, SOL_SOCKET, SO_BUF_LOCK, &locks, &length) < 0) return true;
  return locks & (number == SO_SNDBUF ? 1 : 2);
}

static bool carry_option(int from, int to, const struct mptcpize_option_key *option) {
  struct value wanted, present;
  int asked = get(from, option, &wanted), answered = get(to, option, &present);
  if (is_refusal(asked)) return option->level != SOL_SOCKET || is_refusal(answered);
  if (asked) return false;
  if (answered) return option->level == IPPROTO_IPV6 && is_refusal(answered);
  bool is_same =
      wanted.length == present.length && memcmp(wanted.bytes, present.bytes, wanted.length) == 0;
  if (is_same) return true;
  bool is_buffer =
      option->level == SOL_SOCKET && (option->number == SO_SNDBUF || option->number == SO_RCVBUF);
  if (is_buffer) {
    int32_t size;
    if (!is_chosen(from, option->number)) return true;
    memcpy(&size, wanted.bytes, sizeof size);
    size /= 2;  // the kernel shows twice what was asked
    memcpy(wanted.bytes, &size, sizeof size);
  }
  return setsockopt(to, option->level, option->number, wanted.bytes, wanted.length) == 0;
}

struct carrying {
  int to;
  bool failed;
};

static void carry_kept(int32_t line, int32_t value, void *context) {
  struct carrying *carrying = context;
  size_t count;
  const struct mptcpize_option *option = &mptcpize_option_table(&count)[line];
  if (option->level == SOL_SOCKET && option->number == SO_RCVBUF) value /= 2;
  int result = setsockopt(carrying->to, option->level, option->number, &value, sizeof value);
  if (result < 0 && !is_refusal(errno)) carrying->failed = true;
}

static bool carry_options(const struct shared *shared, int from, uint64_t inode, int to) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    if (!carry_option(from, to, &options[i])) return false;
  }
  struct carrying carrying = {to, false};
  kept_each(shared, inode, carry_kept, &carrying);
  return !carrying.failed;
}

// Signals of O_ASYNC name a number of the caller's, which none of ours can be set up for.
static bool carry_flags(int from, int to) {
  int flags = fcntl(from, F_GETFL);
  if (flags < 0 || flags & O_ASYNC || fcntl(from, F_GETOWN) != 0) return false;
  return fcntl(to, F_SETFL, flags) == 0;
}

union address {
  struct sockaddr any;
  struct sockaddr_in inet;
  struct sockaddr_in6 inet6;
};

static bool share(int fd, int on) {
  return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
}

// While the old socket holds the address, both have to allow sharing it.
static bool carry_address(int from, int to, bool *was_exclusive) {
  union address address = {0}, unbound = {0};
  socklen_t length = sizeof address, length2 = sizeof unbound;
  int shares = 0;
  socklen_t size = sizeof shares;
  if (getsockname(from, &address.any, &length) < 0) return false;
  if (getsockname(to, &unbound.any, &length2) < 0) return false;
  // What getsockname does not fill in is 0.
  const uint8_t *one = (const uint8_t *)&address, *other = (const uint8_t *)&unbound;
  bool is_bound = false;
  for (size_t i = 0; i < sizeof address; i++) is_bound = is_bound || one[i] != other[i];
  if (!is_bound) return true;
  if (getsockopt(from, SOL_SOCKET, SO_REUSEADDR, &shares, &size) < 0) return false;
  *was_exclusive = shares == 0;
  if (*was_exclusive && (!share(from, 1) || !share(to, 1))) return false;
  if (bind(to, &address.any, length) < 0) return false;
  return !*was_exclusive || share(to, 0);
}

static bool is_same_namespace(int one, int other) {
#ifndef SO_NETNS_COOKIE
  enum { SO_NETNS_COOKIE = 71 };
#endif
  uint64_t cookie = 0, cookie2 = 0;
  socklen_t length = sizeof cookie, length2 = sizeof cookie2;
  if (getsockopt(one, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0) return true;  // < 5.14
  getsockopt(other, SOL_SOCKET, SO_NETNS_COOKIE, &cookie2, &length2);
  return cookie == cookie2;
}

// --- The exchange ----------------------------------------------------------------------------

static bool put(const struct server *server, const struct caller *caller, int socket,
                const struct numbers *numbers) {
  bool is_answer = false;
  for (int i = 0; i < numbers->count; i++) {
    int number = numbers->fds[i];
    if (server_hand_over(server, caller->id, socket, numbers->flags[i], number, &is_answer) < 0) {
      return false;
    }
  }
  return true;
}

// A fresh socket, bound or not, is the only one that shows exactly these two.
bool replacement_is_possible(int socket) {
  struct pollfd request = {socket, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0};
  return poll(&request, 1, 0) == 1 && request.revents == (POLLOUT | POLLHUP);
}

bool replacement_put(struct server *server, struct caller *caller, int socket, uint64_t *inode) {
  struct numbers numbers = {0};
  int family = 0;
  socklen_t length = sizeof family;
  bool was_exclusive = false;
  if (!replacement_is_possible(socket)) return false;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0) return false;
  if (!find_numbers(caller, *inode, &numbers)) return false;
  int plain = socket_for(caller, family, SOCK_STREAM, IPPROTO_TCP);
  if (plain < 0) return false;
  bool result = is_same_namespace(socket, plain) &&
                carry_options(server->shared, socket, *inode, plain) &&
                carry_flags(socket, plain) && carry_address(socket, plain, &was_exclusive) &&
                put(server, caller, plain, &numbers);
  struct stat status;
  if (!result && was_exclusive) share(socket, 0);
  if (result && fstat(plain, &status) == 0) *inode = status.st_ino;
  close(plain);
  return result;
}
