// What the supervisor may read of a caller, and change in it, while the caller waits.

#ifndef SECCOMP_SUPERVISOR_CALLER_H
#define SECCOMP_SUPERVISOR_CALLER_H

#include "server.h"

/// Whether the caller still waits. What was learned by its number before is true of it then, and
/// not of another task that has got the number.
bool caller_waits(const struct caller *caller);

/// Reads its memory; false where not all of it can be read.
bool caller_read(const struct caller *caller, uint64_t address, void *bytes, size_t size);

/// Writes to its memory, and to no other's: through a file that belongs to the memory itself.
bool caller_write(const struct caller *caller, uint64_t address, const void *bytes, size_t size);

/// A descriptor of ours for what it has open under this number; -1 and errno.
int caller_borrow(struct caller *caller, int fd);

/// What is behind a file of /proc/THREAD, with a NUL; its size, or -1.
long caller_file(const struct caller *caller, const char *name, char *text, size_t room);

/// The same of one that stays open for the caller's next call.
long caller_text(const struct caller *caller, enum caller_text which, char *text, size_t room);

/// A number of /proc/THREAD/status, the `field`-th (from 0) behind the name; -1: not known.
long caller_status(const char *status, const char *name, int field);

/// The inode number of its namespace of this kind ("net", "user"); 0: not known.
uint64_t caller_namespace(const struct caller *caller, const char *kind);

/// What is open of the task, from its earlier calls.
struct acquaintance *caller_known(struct server *server, pid_t thread);
/// Nothing is open of it yet.
void caller_forget(struct acquaintance *known);

#endif
