#include "carry.h"

#include "SocketPolicy.h"
#include "kept.h"

// --- The socket --------------------------------------------------------------------

enum { STREAM_CLOEXEC = 1 | O_CLOEXEC };  // SOCK_STREAM | SOCK_CLOEXEC

int carry_plain_socket(int family) {
  static const int protocols[] = {IPPROTO_TCP, MPTCPIZE_PLAIN_TCP};
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
    int socket = (int)syscall3(SYS_socket, family, STREAM_CLOEXEC, protocols[i]);
    if (socket < 0) return socket;
    if (kernel_get_int(socket, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP) return socket;
    kernel_close(socket);
  }
  return -1;
}

int carry_judge(int socket, const struct mptcpize_setting *setting, int32_t *shown) {
  long result = 0;
  if (setting->value) {
    result =
        kernel_setsockopt(socket, setting->level, setting->number, setting->value, setting->length);
  }
  socklen_t size = sizeof *shown;
  if (result >= 0) {
    result = kernel_getsockopt(socket, setting->level, setting->number, shown, &size);
  }
  kernel_close(socket);
  return (int)-result;
}

static bool is_refusal(long result) { return result == -ENOPROTOOPT || result == -EOPNOTSUPP; }

// A program may have left the network namespace in which the socket was made.
static bool is_same_namespace(int one, int other) {
  uint64_t cookie = 0, cookie2 = 0;
  socklen_t length = sizeof cookie, length2 = sizeof cookie2;
  long result = kernel_getsockopt(one, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length);
  if (result < 0) return is_refusal(result);  // Linux < 5.14
  result = kernel_getsockopt(other, SOL_SOCKET, SO_NETNS_COOKIE, &cookie2, &length2);
  return result >= 0 && cookie == cookie2;
}

int carry_socket(int from, int family, int protocol) {
  int socket = protocol == IPPROTO_TCP
                   ? carry_plain_socket(family)
                   : (int)syscall3(SYS_socket, family, STREAM_CLOEXEC, protocol);
  if (socket < 0 || is_same_namespace(from, socket)) return socket;
  kernel_close(socket);
  return -1;
}

// --- Options -----------------------------------------------------------------------

struct value {
  socklen_t length;
  _Alignas(8) uint8_t bytes[64];
};

static long ask(int fd, const struct mptcpize_option_key *option, struct value *value) {
  *value = (struct value){.length = sizeof value->bytes};
  return kernel_getsockopt(fd, option->level, option->number, value->bytes, &value->length);
}

// Asked twice: a refusal that does not last is not the kernel's.
static long get(int fd, const struct mptcpize_option_key *option, struct value *value) {
  long result = ask(fd, option, value);
  return is_refusal(result) ? ask(fd, option, value) : result;
}

static bool is_same(const struct value *one, const struct value *other) {
  if (one->length != other->length) return false;
  for (socklen_t i = 0; i < one->length; i++) {
    if (one->bytes[i] != other->bytes[i]) return false;
  }
  return true;
}

// The kernel shows twice what was asked; more than its limit takes a privilege (net/core/sock.c).
static bool carry_buffer(int to, const struct mptcpize_option_key *option,
                         const struct value *wanted) {
  int32_t asked = *(const int32_t *)wanted->bytes / 2;
  int forced = option->number == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
  int numbers[] = {option->number, forced};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct value present;
    kernel_setsockopt(to, SOL_SOCKET, numbers[i], &asked, sizeof asked);
    if (get(to, option, &present) >= 0 && is_same(wanted, &present)) return true;
  }
  return false;
}

// Whether the program has chosen this buffer's size, or the kernel chooses it (Linux 5.15).
static bool is_chosen(int from, const struct mptcpize_option_key *option) {
  enum { SOCK_SNDBUF_LOCK = 1, SOCK_RCVBUF_LOCK = 2 };
  int64_t locks = kernel_get_int(from, SOL_SOCKET, SO_BUF_LOCK);
  if (locks < 0) return true;
  return locks & (option->number == SO_SNDBUF ? SOCK_SNDBUF_LOCK : SOCK_RCVBUF_LOCK);
}

static bool is_buffer(const struct mptcpize_option_key *option) {
  return option->level == SOL_SOCKET &&
         (option->number == SO_SNDBUF || option->number == SO_RCVBUF);
}

static bool carry_option(int from, int to, const struct mptcpize_option_key *option) {
  struct value wanted, present;
  long asked = get(from, option, &wanted), answered = get(to, option, &present);
  // What the kernel does not know, or MPTCP does not tell. The generic ones it tells of both.
  if (is_refusal(asked)) return option->level != SOL_SOCKET || is_refusal(answered);
  if (asked < 0) return false;
  // MPTCP tells options of IPv6 of an AF_INET socket too.
  if (answered < 0) return option->level == IPPROTO_IPV6 && is_refusal(answered);
  if (is_same(&wanted, &present)) return true;
  if (is_buffer(option)) return !is_chosen(from, option) || carry_buffer(to, option, &wanted);
  return kernel_setsockopt(to, option->level, option->number, wanted.bytes, wanted.length) >= 0;
}

struct target {
  int socket;
  bool failed;
};

static void carry_kept(const struct mptcpize_option *option, int32_t value, void *context) {
  struct target *to = context;
  if (option->level == SOL_SOCKET && option->number == SO_RCVBUF) value /= 2;
  int level = option->level, number = option->number;
  long result = kernel_setsockopt(to->socket, level, number, &value, sizeof value);
  if (is_refusal(result)) {
    result = kernel_setsockopt(to->socket, level, number, &value, sizeof value);
  }
  // A kernel that does not know the option does not know it of TCP either.
  if (result < 0 && !is_refusal(result)) to->failed = true;
}

static bool carry_options(int from, uint64_t inode, int to) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    if (!carry_option(from, to, &options[i])) return false;
  }
  struct target target = {to, false};
  kept_each(inode, carry_kept, &target);
  return !target.failed;
}

// A bit for each option that is carried, by its place.
static uint64_t noted;

bool carry_note(int level, int number) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    if (options[i].level == level && options[i].number == number) {
      __atomic_fetch_or(&noted, UINT64_C(1) << i, __ATOMIC_RELAXED);
      return true;
    }
  }
  return false;
}

bool carry_noted(int from, int to) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  uint64_t wanted = __atomic_load_n(&noted, __ATOMIC_RELAXED);
  for (size_t i = 0; i < count; i++) {
    if (wanted >> i & 1 && !carry_option(from, to, &options[i])) return false;
  }
  return true;
}

// --- The address -------------------------------------------------------------------

static bool get_address(int fd, union socket_address *address, socklen_t *length) {
  *length = sizeof *address;
  *address = (union socket_address){.inet6 = {0}};
  return syscall3(SYS_getsockname, fd, (long)address, (long)length) >= 0;
}

static bool is_same_address(const union socket_address *one, const union socket_address *other) {
  const uint8_t *bytes = (const uint8_t *)one, *bytes2 = (const uint8_t *)other;
  for (size_t i = 0; i < sizeof *one; i++) {
    if (bytes[i] != bytes2[i]) return false;
  }
  return true;
}

static bool share(int fd, int32_t on) {
  return kernel_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) >= 0;
}

// While the old socket still holds the address, both have to allow sharing it. The old one goes on
// doing so, for it may be open in another process: no listener could be made of the new one.
static bool bind_beside(int from, int to, const union socket_address *address, socklen_t length,
                        struct carried *carried) {
  int64_t shares = kernel_get_int(from, SOL_SOCKET, SO_REUSEADDR);
  if (shares < 0) return false;
  carried->was_exclusive = shares == 0;
  if (carried->was_exclusive && (!share(to, 1) || !share(from, 1))) return false;
  if (syscall3(SYS_bind, to, (long)address, length) < 0) return false;
  return !carried->was_exclusive || share(to, 0);
}

static bool carry_address(int from, int to, struct carried *carried) {
  union socket_address address, unbound, found;
  socklen_t length, length2;
  if (!get_address(from, &address, &length) || !get_address(to, &unbound, &length2)) return false;
  carried->is_bound = !is_same_address(&address, &unbound);
  if (!carried->is_bound) return true;
  if (!bind_beside(from, to, &address, length, carried)) return false;
  // A BPF program of the cgroup may have changed it.
  return get_address(to, &found, &length2) && is_same_address(&address, &found);
}

// --- Flags -------------------------------------------------------------------------

static bool carry_owner(int from, int to) {
  long signal = syscall2(SYS_fcntl, from, F_GETSIG);
  if (signal < 0 || (signal > 0 && syscall3(SYS_fcntl, to, F_SETSIG, signal) < 0)) return false;
  int32_t owner[2] = {0, 0};  // struct f_owner_ex
  if (syscall3(SYS_fcntl, from, F_GETOWN_EX, (long)owner) < 0) return false;
  return !owner[1] || syscall3(SYS_fcntl, to, F_SETOWN_EX, (long)owner) >= 0;
}

static bool carry_flags(int from, int to, struct carried *carried) {
  long flags = syscall2(SYS_fcntl, from, F_GETFL);
  if (flags < 0) return false;
  carried->is_async = flags & O_ASYNC;
  return syscall3(SYS_fcntl, to, F_SETFL, flags & ~(long)O_ASYNC) >= 0;
}

bool carry(int from, uint64_t inode, int to, struct carried *carried) {
  *carried = (struct carried){0};
  return carry_options(from, inode, to) && carry_owner(from, to) &&
         carry_flags(from, to, carried) && carry_address(from, to, carried);
}

void carry_back(int from, const struct carried *carried) {
  if (carried->was_exclusive && !share(from, 0)) share(from, 0);
}
