#include "program_memory.h"

// epoll_ctl copies the event before it looks at any descriptor: EFAULT, or EBADF. What lies in the
// same 16 bytes lies in the same page, and no event is larger.
static bool is_readable(uintptr_t address) {
  enum { NOBODY = -1, SIZE = 16 };
  long result = syscall4(SYS_epoll_ctl, NOBODY, EPOLL_CTL_ADD, NOBODY,
                         (long)(address & ~(uintptr_t)(SIZE - 1)));
  return result != -EFAULT;
}

bool program_memory_read(void *to, const void *from, size_t size) {
  if (!size) return true;
  uintptr_t first = (uintptr_t)from, last = first + (size - 1);
  if (!from || last < first) return false;
  UNASKED(may_ask, UNASKED_POINTERS);
  if (may_ask && !is_readable(first)) return false;
  // No page is smaller.
  if (may_ask && first / 4096 != last / 4096 && !is_readable(last)) return false;
  for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
  return true;
}
