#include "program_memory.h"

bool program_memory_read(void *to, const void *from, size_t size) {
  if (!size) return true;
  uintptr_t first = (uintptr_t)from, last = first + (size - 1);
  if (!from || last < first) return false;
  UNASKED(may_ask, UNASKED_POINTERS);
  if (may_ask && !program_memory_is_good(first)) return false;
  // No page is smaller.
  if (may_ask && first / 4096 != last / 4096 && !program_memory_is_good(last)) return false;
  for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
  return true;
}
