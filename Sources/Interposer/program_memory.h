// The memory that programs point to. Bad pointers must fail as in the kernel, with EFAULT.

#ifndef MPTCPIZE_PROGRAM_MEMORY_H
#define MPTCPIZE_PROGRAM_MEMORY_H

#include "kernel.h"

/// What lies in the same 16 bytes, beginning at a multiple of 16, lies in the same page.
enum { PROGRAM_MEMORY_BLOCK = 16 };

/// Whether the block around an address can be read. The caller may ask (UNASKED_POINTERS).
/// epoll_ctl copies the event, which is no larger, before it looks at any descriptor: EFAULT, or
/// EBADF.
static inline bool program_memory_is_good(uintptr_t address) {
  enum { NOBODY = -1 };
  long result = syscall4(SYS_epoll_ctl, NOBODY, EPOLL_CTL_ADD, NOBODY,
                         (long)(address & ~(uintptr_t)(PROGRAM_MEMORY_BLOCK - 1)));
  return result != -EFAULT;
}

/// Copies what a pointer of the program's leads to, at most a page; false where it cannot be read.
bool program_memory_read(void *to, const void *from, size_t size);

#endif
