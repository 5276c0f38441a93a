// Prints what dlerror() has to say when the program begins.

#include <dlfcn.h>
#include <stdio.h>

int main(void) {
  const char *error = dlerror();
  puts(error ? error : "nothing");
  return 0;
}
