// What programs point to. Pointers that are no good have to fail as in the kernel, with EFAULT.

#ifndef MPTCPIZE_PROGRAM_MEMORY_H
#define MPTCPIZE_PROGRAM_MEMORY_H

#include "kernel.h"

/// Copies what a pointer of the program's leads to, at most a page; false where it cannot be read.
bool program_memory_read(void *to, const void *from, size_t size);

#endif
