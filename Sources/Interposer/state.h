// What the library knows about itself: one word of flags that every interposed
// function reads, so that a call which needs nothing costs one branch.

#ifndef MPTCPIZE_STATE_H
#define MPTCPIZE_STATE_H

#include "ConnectionPolicy.h"
#include "SocketEvents.h"
#include "kernel.h"
#include "next.h"

enum {
  STATE_UNREADY = 1 << 0,    ///< next definitions are not known, the environment is not read
  STATE_INERT = 1 << 1,      ///< set-uid or the like: behave as if not there
  STATE_RECORDING = 1 << 3,  ///< there is a ring
  STATE_STRICT = 1 << 4,     ///< kernel errors pass unchanged
  STATE_CORKED = 1 << 5,     ///< a socket was corked, at one time or another
  STATE_KEPT = 1 << 6,       ///< an option's value was kept, at one time or another
  STATE_FRESH = 1 << 7,      ///< no socket is connected, and the first one is to be told of
  STATE_CONFINED = 1 << 8,   ///< the program has confined itself: ask unasked.h before each call
  STATE_PROTOCOL_AS_TCP = 1 << 11,  ///< SO_PROTOCOL of MPTCP sockets reads IPPROTO_TCP
  STATE_LATE = 1 << 12,    ///< an option's value was kept that is decided about later, at one time
  STATE_SHARED = 1 << 13,  ///< another process, by clone(2), has these very descriptors
  STATE_POLICY = 1 << 14,  ///< there are rules by which connections or listeners stay TCP
  STATE_STALLS = 1 << 15,  ///< the kernel lets MPTCP stall, or it has yet to be asked (stalls.h)
  // At the bit of the family's own number, so that finding it costs one shift.
  STATE_UNUSUAL_INET = 1 << AF_INET,    ///< refused (state_refusal_inet), or to be looked at
  STATE_UNUSUAL_INET6 = 1 << AF_INET6,  ///< the same over IPv6
};

INTERNAL uint32_t state_flags;

/// The ring, if STATE_RECORDING.
INTERNAL struct mptcpize_ring *state_ring;

/// The program's name, as far as records have room for it.
INTERNAL char state_program[16];

/// The rules, if STATE_POLICY.
INTERNAL struct mptcpize_policy state_policy;

/// Of their text.
INTERNAL uint16_t state_policy_sum;

/// The rule by which no socket of the program is to be MPTCP, or -1.
INTERNAL int16_t state_rule_for_all;

/// The errno with which sockets of the family are refused; 0: they are to be looked at, since none
/// has been yet, or a cgroup's program sets something on each.
INTERNAL uint16_t state_refusal_inet, state_refusal_inet6;

/// Reads the environment and resolves the next definitions; idempotent. Whichever
/// comes first calls it: the constructor, or a call out of somebody else's.
uint32_t state_initialize(void);

/// The first entry of LD_PRELOAD, if that is another library; else null.
const char *state_preloaded_before(size_t *length);

/// Another process is about to have these descriptors too.
void state_share(void);

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

static inline uint32_t state(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return UNLIKELY(flags & STATE_UNREADY) ? state_initialize() : flags;
}

/// Whether there is nothing to do but to call the next definition. Functions that
/// are called often ask this first and leave the rest to another function, so that
/// they have nothing to keep across a call.
static inline bool quiet(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return !UNLIKELY(flags & (STATE_UNREADY | STATE_RECORDING | STATE_FRESH));
}

/// What matters of it to connect: 0 where there is nothing to be decided.
static inline uint32_t connect_state(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return flags & (STATE_UNREADY | STATE_RECORDING | STATE_FRESH | STATE_LATE | STATE_POLICY);
}

/// The same as quiet() for what ends a descriptor: none was ever corked either.
static inline bool quiet_end(void) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return !UNLIKELY(flags & (STATE_UNREADY | STATE_RECORDING | STATE_CORKED));
}

/// Whether there is a ring to write to, and records may be. Afterwards the next definitions are
/// known.
static inline bool recording(void) {
  return state() & STATE_RECORDING && unasked_allowed(UNASKED_RECORDS);
}

#endif
