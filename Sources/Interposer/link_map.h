// Finds the next definition of a symbol without dlsym.

#ifndef MPTCPIZE_LINK_MAP_H
#define MPTCPIZE_LINK_MAP_H

#include <stdbool.h>

/// Whether the dynamic linker publishes its list of objects (glibc does, musl does not).
bool link_map_exists(void);

/// The definition that dlsym(RTLD_NEXT, name) would give, by walking the objects
/// that the dynamic linker lists after this library; null if there is none.
/// Allocates nothing and takes no lock.
void *link_map_next(const char *name);

#endif
