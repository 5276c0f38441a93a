// Whether the library reaches a program that is about to be started. Used only with a ring, into
// which the answer goes; it never changes errno and never allocates.

#ifndef MPTCPIZE_UNREACHED_H
#define MPTCPIZE_UNREACHED_H

#include "kernel.h"

/// The program of this path is started in process `pid` with this environment.
void unreached_by_path(int pid, const char *path, char *const *variables);

/// The same for a name that is looked for in PATH.
void unreached_by_name(int pid, const char *file, char *const *variables);

/// The same for a path below a directory, or for the open file itself where it is empty.
void unreached_at(int pid, int fd, const char *path, char *const *variables);

/// The same for an open file.
void unreached_by_descriptor(int pid, int fd, char *const *variables);

#endif
