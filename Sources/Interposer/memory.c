// Compilers insert calls to these even into freestanding code. Hidden: the
// program's own are never interposed.

#include <stddef.h>

__attribute__((no_builtin("memcpy"))) void *memcpy(void *to, const void *from, size_t size) {
  unsigned char *target = to;
  const unsigned char *source = from;
  while (size--) *target++ = *source++;
  return to;
}

__attribute__((no_builtin("memset"))) void *memset(void *memory, int value, size_t size) {
  unsigned char *bytes = memory;
  while (size--) *bytes++ = (unsigned char)value;
  return memory;
}
