// Finds the next definition of a symbol without dlsym.

#ifndef MPTCPIZE_LINK_MAP_H
#define MPTCPIZE_LINK_MAP_H

/// The definition that dlsym(RTLD_NEXT, name) would give, by walking the objects
/// that the dynamic linker lists after this library; null if there is none, or no list.
void *link_map_next(const char *name);

#endif
