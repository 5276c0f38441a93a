// Nothing is changed before everything has worked: the new socket is complete, even
// bound, before dup3 puts it in the old one's place in one step.

#include "replace.h"

#include "SocketPolicy.h"
#include "cork.h"
#include "descriptors.h"
#include "kept.h"
#include "record.h"
#include "registrations.h"
#include "state.h"

// --- All numbers of the socket ----------------------------------------------------

enum { NUMBERS_MOST = 16 };

struct numbers {
  uint64_t inode;
  size_t count;
  int fds[NUMBERS_MOST];
};

static void collect(int fd, void *context) {
  struct numbers *numbers = context;
  if (kernel_inode(fd) != numbers->inode) return;
  if (numbers->count < NUMBERS_MOST) numbers->fds[numbers->count] = fd;
  numbers->count++;
}

// --- What is carried over ---------------------------------------------------------

static bool same(const uint8_t *one, socklen_t length, const uint8_t *other, socklen_t length2) {
  if (length != length2) return false;
  for (socklen_t i = 0; i < length; i++) {
    if (one[i] != other[i]) return false;
  }
  return true;
}

static bool carry(int from, int to, const struct mptcpize_option_key *option) {
  uint8_t wanted[64] = {0}, present[64] = {0};
  socklen_t length = sizeof wanted, length2 = sizeof present;
  if (kernel_getsockopt(from, option->level, option->number, wanted, &length) < 0) return true;
  if (kernel_getsockopt(to, option->level, option->number, present, &length2) < 0) return true;
  if (same(wanted, length, present, length2)) return true;
  bool is_buffer =
      option->level == SOL_SOCKET && (option->number == SO_SNDBUF || option->number == SO_RCVBUF);
  if (is_buffer) {
    // The kernel shows twice what was asked.
    int32_t shown = 0;
    for (size_t i = 0; i < sizeof shown; i++) ((uint8_t *)&shown)[i] = wanted[i];
    shown /= 2;
    return kernel_setsockopt(to, option->level, option->number, &shown, sizeof shown) >= 0;
  }
  return kernel_setsockopt(to, option->level, option->number, wanted, length) >= 0;
}

struct replacement {
  int socket;
  const struct mptcpize_option *option;  // the one that is set, over whatever was kept of it
};

static void carry_kept(const struct mptcpize_option *option, int32_t value, void *context) {
  const struct replacement *to = context;
  if (option == to->option) return;
  if (option->level == SOL_SOCKET && option->number == SO_RCVBUF) value /= 2;
  kernel_setsockopt(to->socket, option->level, option->number, &value, sizeof value);
}

static bool carry_options(int from, struct replacement *to, uint64_t inode) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    if (!carry(from, to->socket, &options[i])) return false;
  }
  kept_each(inode, carry_kept, to);
  return true;
}

static bool carry_flags(int from, int to) {
  long signal = syscall2(SYS_fcntl, from, F_GETSIG);
  if (signal > 0) syscall3(SYS_fcntl, to, F_SETSIG, signal);
  int32_t owner[2] = {0, 0};  // struct f_owner_ex
  if (syscall3(SYS_fcntl, from, F_GETOWN_EX, (long)owner) >= 0 && owner[1]) {
    syscall3(SYS_fcntl, to, F_SETOWN_EX, (long)owner);
  }
  long flags = syscall2(SYS_fcntl, from, F_GETFL);
  return flags >= 0 && syscall3(SYS_fcntl, to, F_SETFL, flags) >= 0;
}

static bool is_bound(const union socket_address *address) {
  const uint8_t *bytes =
      address->family == AF_INET ? address->inet.address : address->inet6.address;
  size_t size = address->family == AF_INET ? 4 : 16;
  if (address->inet.port) return true;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i]) return true;
  }
  return false;
}

// While the old socket still holds the address, both have to allow sharing it.
static bool carry_address(int from, int to) {
  union socket_address address;
  socklen_t length = sizeof address;
  if (syscall3(SYS_getsockname, from, (long)&address, (long)&length) < 0) return false;
  if (!is_bound(&address)) return true;
  int32_t one = 1;
  int32_t asked = (int32_t)kernel_get_int(from, SOL_SOCKET, SO_REUSEADDR);
  kernel_setsockopt(from, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  kernel_setsockopt(to, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  bool bound = syscall3(SYS_bind, to, (long)&address, length) >= 0;
  kernel_setsockopt(to, SOL_SOCKET, SO_REUSEADDR, &asked, sizeof asked);
  kernel_setsockopt(from, SOL_SOCKET, SO_REUSEADDR, &asked, sizeof asked);
  return bound;
}

// --- The replacement ----------------------------------------------------------------

static bool put_in_place(int socket, const struct numbers *numbers) {
  for (size_t i = 0; i < numbers->count; i++) {
    int fd = numbers->fds[i];
    if (kernel_inode(fd) != numbers->inode) continue;  // another thread has closed it meanwhile
    long flags = syscall2(SYS_fcntl, fd, F_GETFD);
    if (flags < 0) return false;
    if (syscall3(SYS_dup3, socket, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0) return false;
  }
  return true;
}

int replace_plain_socket(int64_t family) {
  enum { KIND = 1 | O_CLOEXEC };  // SOCK_STREAM | SOCK_CLOEXEC
  int socket = (int)syscall3(SYS_socket, (long)family, KIND, IPPROTO_TCP);
  if (socket < 0 || kernel_get_int(socket, SOL_SOCKET, SO_PROTOCOL) != MPTCPIZE_IPPROTO_MPTCP) {
    return socket;
  }
  syscall1(SYS_close, socket);
  return (int)syscall3(SYS_socket, (long)family, KIND, MPTCPIZE_PLAIN_TCP);
}

// Makes it all that the old one is, and puts it in its place.
static bool take_place(int fd, const struct mptcpize_setting *setting, int socket) {
  struct numbers numbers = {.inode = kernel_inode(fd)};
  // Without its number, under a filter that refuses fstat, it is any socket.
  if (!numbers.inode) return false;
  struct registrations registrations;
  struct replacement replacement = {socket, setting ? setting->option : NULL};
  descriptors_each(FILE_SOCKET, collect, &numbers);
  registrations_find(fd, &registrations);
  if (numbers.count == 0 || numbers.count > NUMBERS_MOST) return false;
  if (!carry_options(fd, &replacement, numbers.inode) || !carry_address(fd, socket) ||
      !carry_flags(fd, socket) || !put_in_place(socket, &numbers)) {
    return false;
  }
  registrations_restore(&registrations, fd);
  for (size_t i = 0; setting && recording() && i < numbers.count; i++) {
    record_remedied(numbers.fds[i], setting->level, setting->number, MPTCPIZE_DEMOTE,
                    setting->refusal);
  }
  return true;
}

int replace_with_tcp(int fd, const struct mptcpize_setting *setting) {
  UNASKED(may_replace, UNASKED_REPLACEMENT);
  if (!may_replace || !kernel_is_unconnected(fd)) return REPLACE_FAILED;
  int64_t family = kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  if (family < 0) return REPLACE_FAILED;
  int socket = replace_plain_socket(family);
  if (socket < 0) return REPLACE_FAILED;
  long refused = setting ? kernel_setsockopt(socket, setting->level, setting->number,
                                             setting->value, setting->length)
                         : 0;
  int result = (int)-refused;
  if (!refused && !take_place(fd, setting, socket)) result = REPLACE_FAILED;
  syscall1(SYS_close, socket);
  return result;
}
