// What the library knows about itself: one word of flags that every interposed
// function reads, so that a call which needs nothing costs one branch.

#ifndef MPTCPIZE_STATE_H
#define MPTCPIZE_STATE_H

#include "SocketEvents.h"
#include "kernel.h"
#include "next.h"

enum {
  STATE_READY = 1 << 0,      ///< next definitions are known, the environment is read
  STATE_INERT = 1 << 1,      ///< set-uid or the like: behave as if not there
  STATE_RECORDING = 1 << 2,  ///< there is a ring
  STATE_STRICT = 1 << 3,     ///< kernel errors pass unchanged
};

extern uint32_t state_flags;

/// The ring, if STATE_RECORDING.
extern struct mptcpize_ring *state_ring;

/// The program's name, as far as records have room for it.
extern char state_program[16];

/// errno of a permanent refusal of MPTCP, per address family; 0: none seen.
extern uint16_t state_refusal_inet, state_refusal_inet6;

/// Reads the environment and resolves the next definitions; idempotent. Whichever
/// comes first calls it: the constructor, or a call out of somebody else's.
uint32_t state_initialize(void);

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

static inline uint32_t state(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return UNLIKELY(!(flags & STATE_READY)) ? state_initialize() : flags;
}

/// Whether there is a ring to write to. Afterwards the next definitions are known.
static inline bool recording(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  if (!UNLIKELY((flags & (STATE_READY | STATE_RECORDING)) != STATE_READY)) return false;
  return state() & STATE_RECORDING;
}

#endif
