#define _GNU_SOURCE
#include "carrying.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "kept.h"

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
  // The supervisor's own.
  int32_t limit = MPTCPIZE_STALLS_NOT_SENT;
  bool is_limit = option->level == IPPROTO_TCP && option->number == TCP_NOTSENT_LOWAT;
  if (is_limit && memcmp(wanted.bytes, &limit, sizeof limit) == 0) return true;
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
  if (line < 0) return;
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

bool carrying_share(int fd, int on) {
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
  if (*was_exclusive && (!carrying_share(from, 1) || !carrying_share(to, 1))) return false;
  if (bind(to, &address.any, length) < 0) return false;
  return !*was_exclusive || carrying_share(to, 0);
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

bool carrying_all(const struct shared *shared, int from, uint64_t inode, int to,
                  bool *was_exclusive) {
  *was_exclusive = false;
  return is_same_namespace(from, to) && carry_options(shared, from, inode, to) &&
         carry_flags(from, to) && carry_address(from, to, was_exclusive);
}
