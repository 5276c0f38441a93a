// What has to be done by a process with other namespaces or descriptors than the worker's.

#ifndef SECCOMP_SUPERVISOR_ERRAND_H
#define SECCOMP_SUPERVISOR_ERRAND_H

#include <stdbool.h>

/// Runs a function in a child that shares our memory, and waits for it. It has namespaces of its
/// own, to leave; and, unless it shares them too, our descriptors under numbers of its own.
bool errand_run(void (*go)(void *argument), void *argument, bool shares_descriptors);

#endif
