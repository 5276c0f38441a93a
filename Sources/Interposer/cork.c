#include "cork.h"

#include "SocketPolicy.h"
#include "state.h"

// One bit for each descriptor; fs.nr_open's default, the most that RLIMIT_NOFILE can
// be raised to. 128 KiB of .bss, of which only pages that are written to exist. A bit
// that is out of date, for a descriptor closed behind our back, costs one system call
// without effect.
enum { DESCRIPTORS = 1 << 20, BITS = sizeof(unsigned long) * 8 };

static unsigned long corked[DESCRIPTORS / BITS];

bool cork_is_set(int fd) {
  if (fd < 0 || fd >= DESCRIPTORS || kernel_is_mute) return false;
  return __atomic_load_n(&corked[fd / BITS], __ATOMIC_RELAXED) >> (fd % BITS) & 1;
}

static void mark(int fd, bool set) {
  unsigned long bit = 1ul << (fd % BITS);
  if (set) {
    __atomic_fetch_or(&corked[fd / BITS], bit, __ATOMIC_RELAXED);
    __atomic_fetch_or(&state_flags, STATE_CORKED, __ATOMIC_RELAXED);
  } else {
    __atomic_fetch_and(&corked[fd / BITS], ~bit, __ATOMIC_RELAXED);
  }
}

// Setting TCP_NODELAY pushes what is queued; afterwards it is as the program left it.
static void push(int fd) {
  int32_t one = 1, zero = 0;
  int64_t nodelay = kernel_get_int(fd, IPPROTO_TCP, TCP_NODELAY);
  if (nodelay < 0) return;
  kernel_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (!nodelay) kernel_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &zero, sizeof zero);
}

void cork_set(int fd, bool set) {
  if (fd < 0 || fd >= DESCRIPTORS) return;
  if (set) {
    if (kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP) mark(fd, true);
  } else if (cork_is_set(fd)) {
    mark(fd, false);
    push(fd);
  }
}

void cork_release(int fd) {
  if (!cork_is_set(fd)) return;
  mark(fd, false);
  int32_t zero = 0;
  kernel_setsockopt(fd, IPPROTO_TCP, TCP_CORK, &zero, sizeof zero);
}

void cork_release_range(unsigned int first, unsigned int last) {
  if (!(state() & STATE_CORKED)) return;
  for (unsigned int fd = first; fd <= last && fd < DESCRIPTORS;) {
    if (__atomic_load_n(&corked[fd / BITS], __ATOMIC_RELAXED)) {
      cork_release((int)fd++);
    } else {
      fd = (fd / BITS + 1) * BITS;
    }
  }
}
