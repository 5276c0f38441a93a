// A preload library with the interposer's own search for the next definition in it. Its constructor
// holds that against dlsym(RTLD_NEXT), for each of the names in LOOKUP_NAMES (separated by spaces).
//
// Prints a line for each name that they do not agree on, with what each found, and at the end how
// many they agreed on and how many of those are defined in an object called corpus*. Then the
// process ends: the names may stand for anything but functions.

#include "../../Sources/Interposer/kernel.c"
#include "../../Sources/Interposer/link_map.c"
#include "../../Sources/Interposer/next.c"
#include "../../Sources/Interposer/unasked.c"

int dprintf(int fd, const char *format, ...);
char *getenv(const char *name);
char *strtok(char *text, const char *separators);
char *strstr(const char *text, const char *part);

// dlfcn.h, of which glibc and musl have the same.
struct place {
  const char *file;
  void *base;
  const char *symbol;
  void *address;
};
int dladdr(const void *address, struct place *place);

static const char *file_of(void *address) {
  struct place place = {"nowhere", NULL, NULL, NULL};
  if (address) dladdr(address, &place);
  return place.file;
}

__attribute__((constructor)) static void compare(void) {
  int agreed = 0, ours = 0;
  if (!dlsym) return;
  for (char *name = strtok(getenv("LOOKUP_NAMES"), " "); name; name = strtok(NULL, " ")) {
    void *found = next_symbol(name), *expected = dlsym(RTLD_NEXT, name);
    if (found == expected) {
      agreed++;
      if (strstr(file_of(found), "/corpus")) ours++;
    } else {
      dprintf(1, "%s: %p in %s, dlsym: %p in %s\n", name, found, file_of(found), expected,
              file_of(expected));
    }
  }
  dprintf(1, "agreed %d, in the corpus %d\n", agreed, ours);
  syscall1(SYS_exit_group, 0);
}
