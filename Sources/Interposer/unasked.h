// Calls that the library makes and the program did not ask for, and whether it may make them: the
// kernel may kill a program that has confined itself for any unexpected call. Such calls must be
// between unasked_begin and unasked_end. Before a program confines itself, the library waits until
// all calls that have begun have ended.

#ifndef MPTCPIZE_UNASKED_H
#define MPTCPIZE_UNASKED_H

#include <stdbool.h>
#include <stdint.h>

/// Kinds of calls. confinement.c says which calls belong to each.
enum unasked_kind {
  UNASKED_INET = 1 << 0,         ///< socket() with MPTCP's protocol
  UNASKED_INET6 = 1 << 1,        ///< the same over IPv6
  UNASKED_QUESTIONS = 1 << 2,    ///< about a socket, and pushing what a corked one holds back
  UNASKED_REPLACEMENT = 1 << 3,  ///< of a socket by plain TCP; and looking at all descriptors
  UNASKED_RECORDS = 1 << 4,      ///< what a record needs to know
  UNASKED_COUNTING = 1 << 5,     ///< how much there is to read, and raising the edge for it
  UNASKED_SETTINGS = 1 << 6,     ///< what a cgroup's program has set on a new socket
  UNASKED_TCP_INFO = 1 << 7,     ///< what TCP_INFO does not tell
  UNASKED_POINTERS = 1 << 8,     ///< whether a pointer of the program's can be read
  UNASKED_STALLS = 1 << 9,       ///< what keeps a connection from stalling
  UNASKED_ALL = (1 << 10) - 1,
};

/// The kinds that are forbidden for good; above them, whether some are in a vfork child only, and
/// how many threads are about to confine themselves: meanwhile all kinds are. 0: none.
extern uint32_t unasked_forbidden __attribute__((visibility("hidden")));

/// How many have begun and not ended.
extern int32_t unasked_running __attribute__((visibility("hidden")));

/// The rest of unasked_allowed.
bool unasked_look(uint32_t kinds);

/// Whether calls of all these kinds may be made, for as long as nothing changes.
static inline bool unasked_allowed(uint32_t kinds) {
  return __builtin_expect(!__atomic_load_n(&unasked_forbidden, __ATOMIC_SEQ_CST), true) ||
         unasked_look(kinds);
}

// Counted first: whoever is about to forbid something sees either the count or no call.
static inline void unasked_enter(void) {
  __atomic_fetch_add(&unasked_running, 1, __ATOMIC_SEQ_CST);
}

static inline void unasked_end(void) { __atomic_fetch_sub(&unasked_running, 1, __ATOMIC_SEQ_CST); }

/// True: calls of these kinds may be made until unasked_end.
bool unasked_begin(uint32_t kinds);

static inline void unasked_leave(const bool *begun) {
  if (*begun) unasked_end();
}

/// Declares `name`, whether such calls may be made until the end of the block.
#define UNASKED(name, kinds) \
  __attribute__((cleanup(unasked_leave))) const bool name = unasked_begin(kinds)

struct unasked_child;

/// The program is about to confine itself: from now on nothing is allowed, and what was going on
/// has ended. What comes back is for unasked_forbid.
///
/// In a vfork child this holds for the child alone, though the memory is its parent's.
/// `thread` is the calling thread's ID as the C library has it in memory: the parent's in a vfork
/// child. 0: it does not tell.
struct unasked_child *unasked_prepare(int32_t thread);

/// It has confined itself, or failed to: these kinds are forbidden from now on, and what was
/// before.
void unasked_forbid(struct unasked_child *child, uint32_t kinds);

#endif
