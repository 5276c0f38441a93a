// The open descriptors of this process.

#ifndef MPTCPIZE_DESCRIPTORS_H
#define MPTCPIZE_DESCRIPTORS_H

/// Calls `visit` for each open descriptor that is a socket, by no means only
/// internet ones. Makes do without /proc and without a free descriptor.
void descriptors_each(void (*visit)(int fd, void *context), void *context);

#endif
