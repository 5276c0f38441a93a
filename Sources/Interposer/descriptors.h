// The open descriptors of the calling thread: its process's, except after unshare(CLONE_FILES).

#ifndef MPTCPIZE_DESCRIPTORS_H
#define MPTCPIZE_DESCRIPTORS_H

#include "kernel.h"

typedef void descriptors_visit(int fd, const struct kernel_file *file, void *context);

/// Calls `visit` for each open descriptor; false if one could not be looked at. Makes do without
/// /proc and without a free descriptor.
bool descriptors_each(descriptors_visit *visit, void *context);

/// The same for sockets.
void descriptors_each_socket(void (*visit)(int fd, void *context), void *context);

/// Whether no other thread or process can open or close descriptors of this one. False where that
/// cannot be told.
bool descriptors_are_own(void);

#endif
