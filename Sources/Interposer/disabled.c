#include "disabled.h"

#include "state.h"

enum { MILLISECONDS = 6 };

// When it is to be asked again, on the kernel's clock; 0: now.
static uint64_t until;

// The program may have confined itself to calls without the clock.
static bool tell_time(uint64_t *now) {
  unasked_enter();
  uint32_t forbidden = __atomic_load_n(&unasked_forbidden, __ATOMIC_SEQ_CST);
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_SEQ_CST);
  bool may_ask = !forbidden && !(flags & STATE_CONFINED);
  *now = may_ask ? kernel_milliseconds() : 0;
  unasked_end();
  return *now != 0;
}

void disabled_note(int family, int refusal) {
  uint64_t now;
  // mptcp_init_sock of net/mptcp/protocol.c
  if (refusal != ENOPROTOOPT || !tell_time(&now)) return;
  __atomic_store_n(&until, now + MILLISECONDS, __ATOMIC_RELAXED);
  // Or it would not be asked about.
  __atomic_fetch_or(&state_flags, 1u << family, __ATOMIC_RELEASE);
}

bool disabled_lately(void) {
  uint64_t end = __atomic_load_n(&until, __ATOMIC_RELAXED), now;
  if (!end) return false;
  if (tell_time(&now) && now < end) return true;
  __atomic_store_n(&until, 0, __ATOMIC_RELAXED);
  return false;
}
