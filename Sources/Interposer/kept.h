// The values of options that were ignored or adjusted: what getsockopt answers.
//
// Keyed by the socket's inode, which names the kernel's socket for good: right in
// forks and vfork children, and for every duplicate. Fixed memory, touched only by
// sockets whose options met a remedy; the oldest give way when it is full, and exec
// forgets.

#ifndef MPTCPIZE_KEPT_H
#define MPTCPIZE_KEPT_H

#include "SocketOptions.h"
#include "kernel.h"

/// Keeps a value; true if there was none for this socket and option.
bool kept_put(uint64_t inode, const struct mptcpize_option *option, int32_t value);

/// The kept value, if there is one.
bool kept_get(uint64_t inode, const struct mptcpize_option *option, int32_t *value);

/// Forgets it.
void kept_drop(uint64_t inode, const struct mptcpize_option *option);

/// Calls `visit` for every option that is kept for a socket.
void kept_each(uint64_t inode,
               void (*visit)(const struct mptcpize_option *option, int32_t value, void *context),
               void *context);

#endif
