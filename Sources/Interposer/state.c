#include "state.h"

#include "SocketPolicy.h"

uint32_t state_flags = STATE_UNREADY | STATE_UNUSUAL_INET | STATE_UNUSUAL_INET6;
struct mptcpize_ring *state_ring;
char state_program[16];
struct mptcpize_policy state_policy;
uint16_t state_policy_sum;
int16_t state_rule_for_all = -1;
uint16_t state_refusal_inet, state_refusal_inet6;

static const char *environment(const char *name) {
  if (!environ) return NULL;
  for (char **variable = environ; *variable; variable++) {
    const char *text = *variable, *wanted = name;
    while (*wanted && *text == *wanted) text++, wanted++;
    if (!*wanted && *text == '=') return text + 1;
  }
  return NULL;
}

static bool is_on(const char *name) {
  const char *value = environment(name);
  return value && value[0] == '1' && !value[1];
}

// ld.so loads no preload library by path into a set-uid program, but one that lies
// in a system directory and is itself set-uid; and file capabilities count too.
static bool is_privileged_by_file(void) {
  unsigned long (*getauxval)(unsigned long) =
      (unsigned long (*)(unsigned long))next_symbol("getauxval");
  if (getauxval) return getauxval(AT_SECURE) != 0;
  return syscall1(SYS_getuid, 0) != syscall1(SYS_geteuid, 0) ||
         syscall1(SYS_getgid, 0) != syscall1(SYS_getegid, 0);
}

// Mapped once and for good: the program may close every descriptor, change its root
// or drop its privileges afterwards.
static struct mptcpize_ring *map_ring(const char *path) {
  long fd = syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
  if (fd < 0) return NULL;
  struct mptcpize_ring *ring = NULL;
  long size = syscall3(SYS_lseek, fd, 0, SEEK_END);
  if (size >= (long)mptcpize_ring_size()) {
    long address = syscall6(SYS_mmap, 0, (long)mptcpize_ring_size(), PROT_READ | PROT_WRITE,
                            MAP_SHARED, fd, 0);
    if (address >= 0 || address < -4095) ring = (struct mptcpize_ring *)address;
  }
  syscall1(SYS_close, fd);
  if (ring && !mptcpize_ring_valid(ring, (size_t)size)) return NULL;
  return ring;
}

// The file name of the program's image; empty where it cannot be told.
static const char *program_file(char *room, long size) {
  static const char deleted[] = " (deleted)";  // what the kernel puts behind a file that is gone
  enum { SUFFIX = sizeof deleted - 1 };
  long length = syscall4(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)room, size - 1);
  if (length < 0) length = 0;
  long same = 0;
  while (same < SUFFIX && length > SUFFIX && room[length - SUFFIX + same] == deleted[same]) same++;
  if (same == SUFFIX) length -= SUFFIX;
  room[length] = 0;
  while (length > 0 && room[length - 1] != '/') length--;
  return room + length;
}

// Half a policy would be worse than none: a text that does not fit says nothing.
static bool read_policy(const char *text) {
  char room[4096];  // PATH_MAX
  const char *program = NULL;
  if (!text || !*text) return false;
  if (mptcpize_policy_needs_program(text)) program = program_file(room, sizeof room);
  if (!mptcpize_policy_read(&state_policy, text, program && *program ? program : NULL))
    return false;
  state_policy_sum = mptcpize_policy_sum(text);
  struct mptcpize_ruling ruling = mptcpize_policy_for_all(&state_policy);
  if (ruling.tcp) {
    state_rule_for_all = (int16_t)ruling.rule;
    state_refusal_inet = state_refusal_inet6 = MPTCPIZE_REFUSED_BY_POLICY;
  }
  return !mptcpize_policy_is_empty(&state_policy, MPTCPIZE_CONNECT) ||
         !mptcpize_policy_is_empty(&state_policy, MPTCPIZE_LISTEN);
}

uint32_t state_initialize(void) {
  int saved = errno_get();
  uint32_t flags = 0;
  next_resolve();
  if (is_privileged_by_file()) {
    flags |= STATE_INERT;
  } else {
    flags |= is_on(MPTCPIZE_ENV_STRICT) ? STATE_STRICT : STATE_STALLS;
    if (is_on(MPTCPIZE_ENV_PROTOCOL_AS_TCP)) flags |= STATE_PROTOCOL_AS_TCP;
    // Not while another thread may be looking things up in it already.
    if (__atomic_load_n(&state_flags, __ATOMIC_ACQUIRE) & STATE_UNREADY) {
      if (read_policy(environment(MPTCPIZE_ENV_POLICY))) flags |= STATE_POLICY;
    }
    const char *path = environment(MPTCPIZE_ENV_RING);
    if (path && path[0] == '/' && !state_ring) state_ring = map_ring(path);
    if (state_ring) flags |= STATE_RECORDING;
    syscall2(SYS_prctl, PR_GET_NAME, (long)state_program);
    if (mptcpize_kernel_user(state_program)) {
      state_refusal_inet = state_refusal_inet6 = MPTCPIZE_REFUSED_BY_KERNEL_USER;
    }
  }
  // Threads may race here; what others have learned in between stays.
  __atomic_fetch_or(&state_flags, flags, __ATOMIC_RELEASE);
  __atomic_fetch_and(&state_flags, ~(uint32_t)STATE_UNREADY, __ATOMIC_RELEASE);
  errno_set(saved);
  return state_flags;
}

const char *state_preloaded_before(size_t *length) {
  const char *list = environment("LD_PRELOAD");
  static const char ours[] = "libmptcpize";
  size_t matched = 0, end = 0;
  if (!list) return NULL;
  while (*list == ':' || *list == ' ') list++;
  for (; list[end] && list[end] != ':' && list[end] != ' '; end++) {
    matched = list[end] == ours[matched] ? matched + 1 : list[end] == ours[0];
    if (!ours[matched]) return NULL;
  }
  *length = end;
  return end ? list : NULL;
}

void state_share(void) { __atomic_fetch_or(&state_flags, STATE_SHARED, __ATOMIC_RELEASE); }
