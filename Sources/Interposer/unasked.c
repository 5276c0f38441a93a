#include "unasked.h"

#include "arch/native.h"

uint32_t unasked_forbidden;
int32_t unasked_running;

// Parts of unasked_forbidden, above the kinds.
enum { IN_CHILDREN = 1 << 10, PREPARING = 1 << 11 };

// --- vfork children -------------------------------------------------------------------
//
// A vfork child has its parent's memory and its parent's thread pointer, by which it is known here:
// the parent does not run before the child has gone. `alive` is the child's ID; the kernel itself
// writes 0 there when the child executes another program, ends or is killed (set_tid_address(2)).

struct unasked_child {
  int32_t alive;
  uint32_t forbidden;
  uintptr_t thread;
};

enum { CHILDREN_MOST = 16, CLAIMED = -1 };
static struct unasked_child children[CHILDREN_MOST];

static int32_t alive(const struct unasked_child *child) {
  return __atomic_load_n(&child->alive, __ATOMIC_ACQUIRE);
}

bool unasked_look(uint32_t kinds) {
  uint32_t forbidden = __atomic_load_n(&unasked_forbidden, __ATOMIC_SEQ_CST);
  if (forbidden >= PREPARING || forbidden & kinds) return false;
  if (!(forbidden & IN_CHILDREN)) return true;
  uintptr_t self = thread_pointer();
  for (size_t i = 0; i < CHILDREN_MOST; i++) {
    const struct unasked_child *child = &children[i];
    if (alive(child) && child->thread == self && child->forbidden & kinds) return false;
  }
  return true;
}

// Null for whoever is no vfork child, or if there are too many.
static struct unasked_child *child_here(int32_t in_memory) {
  int32_t self = (int32_t)syscall1(SYS_gettid, 0);
  if (!in_memory || in_memory == self) return NULL;
  uintptr_t thread = thread_pointer();
  for (size_t i = 0; i < CHILDREN_MOST; i++) {
    if (alive(&children[i]) == self && children[i].thread == thread) return &children[i];
  }
  for (size_t i = 0; i < CHILDREN_MOST; i++) {
    struct unasked_child *child = &children[i];
    int32_t nobody = 0;
    if (!__atomic_compare_exchange_n(&child->alive, &nobody, CLAIMED, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
      continue;
    }
    child->thread = thread;
    child->forbidden = 0;
    __atomic_store_n(&child->alive, self, __ATOMIC_RELEASE);
    syscall1(SYS_set_tid_address, (long)&child->alive);
    return child;
  }
  return NULL;
}

bool unasked_begin(uint32_t kinds) {
  unasked_enter();
  if (unasked_allowed(kinds)) return true;
  unasked_end();
  return false;
}

// --- Confinement ------------------------------------------------------------------------

// Nobody who has begun waits for anything. But a thread that was cancelled meanwhile, or that a
// forked process does not have, or that this very signal handler has interrupted, never ends.
static void wait_for_others(void) {
  enum { ROUNDS = 10000, NANOSECONDS = 100000 };  // a second
  for (int i = 0; i < ROUNDS && __atomic_load_n(&unasked_running, __ATOMIC_SEQ_CST) > 0; i++) {
    long pause[] = {0, NANOSECONDS};  // the kernel writes what is left of it
    syscall5(SYS_ppoll, 0, 0, (long)pause, 0, 8);
  }
}

// The high bits hold what was forbidden before, while all is: both fit.
enum { BEFORE = 16 };

struct unasked_child *unasked_prepare(int32_t thread) {
  struct unasked_child *child = child_here(thread);
  if (child) {
    child->forbidden = child->forbidden << BEFORE | UNASKED_ALL;
    __atomic_fetch_or(&unasked_forbidden, IN_CHILDREN, __ATOMIC_SEQ_CST);
  } else {
    __atomic_fetch_add(&unasked_forbidden, PREPARING, __ATOMIC_SEQ_CST);
    wait_for_others();
  }
  return child;
}

void unasked_forbid(struct unasked_child *child, uint32_t kinds) {
  if (child) {
    child->forbidden = child->forbidden >> BEFORE | kinds;
    return;
  }
  uint32_t before = __atomic_load_n(&unasked_forbidden, __ATOMIC_RELAXED), after;
  do {
    after = (before - PREPARING) | kinds;
  } while (!__atomic_compare_exchange_n(&unasked_forbidden, &before, after, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
}
