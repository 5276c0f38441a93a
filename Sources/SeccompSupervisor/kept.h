// What getsockopt answers for options that were ignored or adjusted, by the socket's inode number,
// for all processes that have it open.

#ifndef SECCOMP_SUPERVISOR_KEPT_H
#define SECCOMP_SUPERVISOR_KEPT_H

#include "server.h"

/// What else is remembered of a socket, at the place of a line of the option table.
enum {
  LINE_TOLD = -1,       // its beginning has been recorded
  LINE_EXCLUSIVE = -2,  // it took the place of one that had its address for itself
};

/// Whether it is a new value of this socket's.
bool kept_put(struct shared *shared, uint64_t inode, int32_t line, int32_t value);
bool kept_get(const struct shared *shared, uint64_t inode, int32_t line, int32_t *value);
void kept_drop(struct shared *shared, uint64_t inode, int32_t line);
/// Of a new socket: its number may have been another one's.
void kept_forget(struct shared *shared, uint64_t inode);
void kept_each(const struct shared *shared, uint64_t inode,
               void (*visit)(int32_t line, int32_t value, void *context), void *context);

#endif
