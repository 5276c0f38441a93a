// What the tests' helpers need of glibc's GNU extensions, which Swift's Glibc module
// (no _GNU_SOURCE) does not show.

#ifndef C_TEST_SUPPORT_H
#define C_TEST_SUPPORT_H

#include <sys/types.h>

// An unnamed file in memory, close-on-exec, on a number above the standard streams.
// -1 and errno when there is none.
int ctest_memory_file(const char *name);

// Starts `file` as the leader of its own process group, with default signals, with
// `streams` as its standard streams and no other descriptor, in `directory` unless
// that is NULL. Returns its PID, or the negated error number.
pid_t ctest_spawn(const char *file, char *const argv[], char *const envp[], const char *directory,
                  const int streams[3]);

// Whether a process has a TCP or MPTCP socket open as `fd` that has a port and does not listen:
// 1 or 0, and -1 and errno when it cannot be asked.
int ctest_is_connection(pid_t pid, int fd);

#endif
