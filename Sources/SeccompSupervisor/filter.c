// Only numbers in registers decide what is sent, because a filter cannot follow pointers. An
// unnecessary call to the supervisor only costs time, because the supervisor checks again.
//
// x32 calls (bit 30 of the number) match nothing, and go to the kernel: the ABI is off by default,
// and its pointers have another layout.

#include "filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "SocketPolicy.h"

enum { AF_INET_FAMILY = 2, AF_INET6_FAMILY = 10, TCP = 6, SOCKET_LEVEL = 1, IPV6_LEVEL = 41 };

// Numbers of the kernel's own tables: arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h,
// arch/arm/tools/syscall.tbl.
const struct call_interface call_interfaces[] = {
    {AUDIT_ARCH_X86_64, false, {41, 54, 55, 16, 317, 157, 446, 42, 50, 48, 51, 3, 231, -1}},
    {AUDIT_ARCH_I386, true, {359, 366, 365, 54, 354, 172, 446, 362, 363, 373, 367, 6, 252, 102}},
    {AUDIT_ARCH_AARCH64, false, {198, 208, 209, 29, 277, 167, 446, 203, 201, 210, 204, 57, 94, -1}},
    {AUDIT_ARCH_ARM, true, {281, 294, 295, 54, 383, 172, 446, 283, 284, 293, 286, 6, 248, -1}},
};
const size_t call_interface_count = sizeof call_interfaces / sizeof *call_interfaces;

enum call_kind call_kind_of(const struct call_interface *interface, int number) {
  for (int kind = 0; kind < CALL_KINDS; kind++) {
    if (interface->numbers[kind] >= 0 && interface->numbers[kind] == number) {
      return (enum call_kind)kind;
    }
  }
  return CALL_NONE;
}

struct program {
  struct sock_filter *steps;
  size_t length;
};

static size_t add(struct program *program, struct sock_filter step) {
  if (program->length < FILTER_MOST) program->steps[program->length] = step;
  return program->length++;
}

static void load(struct program *program, size_t offset) {
  add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct program *program, uint32_t verdict) {
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

// What follows up to `patch` is for this number only. Jumps reach 255 steps.
static size_t when(struct program *program, uint32_t number) {
  return add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0));
}

static void patch(struct program *program, size_t at) {
  program->steps[at].jf = (uint8_t)(program->length - at - 1);
}

static void send_if(struct program *program, uint32_t number) {
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
  answer(program, SECCOMP_RET_USER_NOTIF);
}

// The low half of an argument. Both architectures are little-endian.
static void load_argument(struct program *program, size_t index) {
  load(program, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

static void add_socket(struct program *program) {
  load_argument(program, 1);
  add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf));  // SOCK_TYPE_MASK
  size_t stream = when(program, 1);
  load_argument(program, 0);
  // AF_INET and AF_INET6 differ in one bit.
  uint32_t both = ~(uint32_t)(AF_INET_FAMILY ^ AF_INET6_FAMILY);
  add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, both));
  size_t inet = when(program, AF_INET_FAMILY);
  load_argument(program, 2);
  send_if(program, 0);
  send_if(program, TCP);
  send_if(program, MPTCPIZE_PLAIN_TCP);
  patch(program, inet);
  patch(program, stream);
  answer(program, SECCOMP_RET_ALLOW);
}

bool filter_is_mended(const struct seccomp_supervision *supervision, size_t line) {
  size_t count;
  const struct mptcpize_option *option = &mptcpize_option_table(&count)[line];
  return supervision->refusals[line] || supervision->unknown[line] || option->connected ||
         option->unchecked || (option->remedy == MPTCPIZE_ADJUST && !option->is_bytes);
}

// What is mended, and what stalls.c hides.
static bool is_sent(const struct seccomp_supervision *supervision, size_t line,
                    const struct mptcpize_option *option, bool is_get) {
  enum { NOTSENT_LOWAT = 25 };  // TCP_NOTSENT_LOWAT, linux/tcp.h
  bool is_hidden = is_get && option->level == TCP && option->number == NOTSENT_LOWAT;
  return filter_is_mended(supervision, line) || (supervision->stalls && is_hidden);
}

static void allow_if(struct program *program, uint32_t number) {
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
  answer(program, SECCOMP_RET_ALLOW);
}

// What MPTCP takes and has no line: what a socket takes along that is replaced, and these.
static void allow_taken(struct program *program, int level, bool is_get) {
  static const struct mptcpize_option_key taken[] = {
      {SOCKET_LEVEL, 5},   // SO_DONTROUTE
      {SOCKET_LEVEL, 6},   // SO_BROADCAST
      {SOCKET_LEVEL, 11},  // SO_NO_CHECK
      {SOCKET_LEVEL, 16},  // SO_PASSCRED
      {SOCKET_LEVEL, 32},  // SO_SNDBUFFORCE
      {SOCKET_LEVEL, 33},  // SO_RCVBUFFORCE
      {SOCKET_LEVEL, 66},  // SO_RCVTIMEO_NEW
      {SOCKET_LEVEL, 67},  // SO_SNDTIMEO_NEW
      {TCP, 11},           // TCP_INFO
      {TCP, 26},           // TCP_CC_INFO
      {TCP, 43},           // TCP_IS_MPTCP
  };
  size_t count;
  const struct mptcpize_option_key *carried = mptcpize_option_carried(&count);
  // MPTCP tells IPV6_V6ONLY of AF_INET sockets too, which TCP refuses.
  if (is_get && level == IPV6_LEVEL) return;
  for (size_t i = 0; i < count; i++) {
    const struct mptcpize_option_key *key = &carried[i];
    bool has_line = mptcpize_option_find(key->level, key->number);
    if (key->level == level && !has_line) allow_if(program, (uint32_t)key->number);
  }
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
    if (taken[i].level == level) allow_if(program, (uint32_t)taken[i].number);
  }
}

// The options of one level: lines `first` up to `behind` of the table. What has no line either
// MPTCP takes, or TCP does not know it, and says so by another errno. The kernel tells the generic
// ones of sockets of all kinds, up to the newest number.
static void add_level(struct program *program, const struct seccomp_supervision *supervision,
                      bool is_get, size_t first, size_t behind) {
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  bool is_told = is_get && table[first].level == SOCKET_LEVEL;
  for (size_t i = first; i < behind; i++) {
    bool is_line_sent = is_sent(supervision, i, &table[i], is_get);
    if (is_told && is_line_sent) send_if(program, (uint32_t)table[i].number);
    if (!is_told && !is_line_sent) allow_if(program, (uint32_t)table[i].number);
  }
  if (is_told) {
    enum { ERROR = 4 };  // SO_ERROR, asm-generic/socket.h
    if (supervision->stalls) send_if(program, ERROR);
    uint32_t newest = (uint32_t)table[behind - 1].number;
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 1, 0));
    answer(program, SECCOMP_RET_ALLOW);
  } else {
    allow_taken(program, table[first].level, is_get);
  }
  answer(program, SECCOMP_RET_USER_NOTIF);
}

// The table is sorted by level.
static void add_options(struct program *program, const struct seccomp_supervision *supervision,
                        bool is_get) {
  // Levels of protocols whose sockets are never ours, and MPTCP's own: include/linux/socket.h.
  static const uint32_t others[] = {17,  40,  58,  132, 136, 255, 263, 270,
                                    271, 274, 276, 279, 283, 284, 287};
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  load_argument(program, 1);
  for (size_t first = 0, behind; first < count; first = behind) {
    int32_t level = table[first].level;
    for (behind = first; behind < count && table[behind].level == level;) behind++;
    if (level == MPTCPIZE_LEVEL_IOCTL) continue;
    size_t block = when(program, (uint32_t)level);
    load_argument(program, 2);
    add_level(program, supervision, is_get, first, behind);
    patch(program, block);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) allow_if(program, others[i]);
  answer(program, SECCOMP_RET_USER_NOTIF);
}

static void add_argument(struct program *program, size_t index, const uint32_t *values,
                         size_t count) {
  load_argument(program, index);
  for (size_t i = 0; i < count; i++) send_if(program, values[i]);
  answer(program, SECCOMP_RET_ALLOW);
}

static void add_socketcall(struct program *program, const struct seccomp_supervision *supervision) {
  bool is_watched = supervision->ring, is_ruled = supervision->policy;
  load_argument(program, 0);
  send_if(program, SOCKETCALL_SOCKET);
  if (!supervision->strict) send_if(program, SOCKETCALL_SETSOCKOPT);
  if (!supervision->strict) send_if(program, SOCKETCALL_GETSOCKOPT);
  if (is_watched || is_ruled) send_if(program, SOCKETCALL_CONNECT);
  if (is_watched || is_ruled || !supervision->strict) send_if(program, SOCKETCALL_LISTEN);
  if (is_watched) send_if(program, SOCKETCALL_SHUTDOWN);
  if (supervision->stalls) send_if(program, SOCKETCALL_GETSOCKNAME);
  answer(program, SECCOMP_RET_ALLOW);
}

// Whether calls of this kind are of any interest.
static bool is_looked_at(const struct seccomp_supervision *supervision, enum call_kind kind) {
  switch (kind) {
    case CALL_SETSOCKOPT:
    case CALL_GETSOCKOPT:
    case CALL_IOCTL:
      return !supervision->strict;
    case CALL_LISTEN:
      return supervision->ring || supervision->policy || !supervision->strict;
    case CALL_CONNECT:
      return supervision->ring || supervision->policy;
    case CALL_SHUTDOWN:
    case CALL_CLOSE:
    case CALL_EXIT:
      return supervision->ring;
    case CALL_GETSOCKNAME:
      return supervision->stalls;
    default:
      return true;
  }
}

static void add_call(struct program *program, const struct seccomp_supervision *supervision,
                     enum call_kind kind) {
  static const uint32_t mark[] = {0x8905};     // SIOCATMARK, asm-generic/sockios.h
  static const uint32_t set_filter[] = {1};    // SECCOMP_SET_MODE_FILTER
  static const uint32_t set_seccomp[] = {22};  // PR_SET_SECCOMP
  switch (kind) {
    case CALL_SOCKET:
      add_socket(program);
      break;
    case CALL_SETSOCKOPT:
    case CALL_GETSOCKOPT:
      add_options(program, supervision, kind == CALL_GETSOCKOPT);
      break;
    case CALL_IOCTL:
      add_argument(program, 1, mark, 1);
      break;
    case CALL_SECCOMP:
      add_argument(program, 0, set_filter, 1);
      break;
    case CALL_PRCTL:
      add_argument(program, 0, set_seccomp, 1);
      break;
    case CALL_SOCKETCALL:
      add_socketcall(program, supervision);
      break;
    default:
      answer(program, SECCOMP_RET_USER_NOTIF);
  }
}

// Blocks are longer than a jump: each is reached by one without condition.
static void add_interface(struct program *program, const struct seccomp_supervision *supervision,
                          const struct call_interface *interface) {
  load(program, offsetof(struct seccomp_data, arch));
  add(program,
      (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, interface->architecture, 1, 0));
  size_t other = add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
  load(program, offsetof(struct seccomp_data, nr));
  size_t blocks[CALL_KINDS];
  for (int kind = 0; kind < CALL_KINDS; kind++) {
    if (interface->numbers[kind] < 0 || !is_looked_at(supervision, (enum call_kind)kind)) continue;
    uint32_t number = (uint32_t)interface->numbers[kind];
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    blocks[kind] = add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
  }
  answer(program, SECCOMP_RET_ALLOW);
  for (int kind = 0; kind < CALL_KINDS; kind++) {
    if (interface->numbers[kind] < 0 || !is_looked_at(supervision, (enum call_kind)kind)) continue;
    program->steps[blocks[kind]].k = (uint32_t)(program->length - blocks[kind] - 1);
    add_call(program, supervision, (enum call_kind)kind);
  }
  program->steps[other].k = (uint32_t)(program->length - other - 1);
}

// What this kernel may be called by.
static bool is_native(const struct call_interface *interface) {
#if defined(__x86_64__)
  return interface->architecture == AUDIT_ARCH_X86_64 || interface->architecture == AUDIT_ARCH_I386;
#else
  return interface->architecture == AUDIT_ARCH_AARCH64 || interface->architecture == AUDIT_ARCH_ARM;
#endif
}

size_t filter_make(const struct seccomp_supervision *supervision,
                   struct sock_filter steps[FILTER_MOST]) {
  struct program program = {steps, 0};
  for (size_t i = 0; i < call_interface_count; i++) {
    if (is_native(&call_interfaces[i])) add_interface(&program, supervision, &call_interfaces[i]);
  }
  answer(&program, SECCOMP_RET_ALLOW);
  return program.length;
}
