// The open descriptors of the calling thread: its process's, but after unshare(CLONE_FILES).

#ifndef MPTCPIZE_DESCRIPTORS_H
#define MPTCPIZE_DESCRIPTORS_H

#include "kernel.h"

/// Calls `visit` for each open descriptor of this type. Makes do without /proc and without a
/// free descriptor.
void descriptors_each(enum file_type type, void (*visit)(int fd, void *context), void *context);

#endif
