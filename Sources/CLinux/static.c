#include <nss.h>
#include <stddef.h>

#include "CLinux.h"

// The linker defines it in programs that have a dynamic section, and only there.
extern const char _DYNAMIC[] __attribute__((weak, visibility("hidden")));

bool clinux_is_static(void) { return _DYNAMIC == NULL; }

// nsswitch.conf may name modules, which are libraries for another glibc than the one that is
// linked in here: loading one ends in a crash. These two need none (glibc 2.34 and newer).
__attribute__((constructor)) static void look_up_without_modules(void) {
  if (!clinux_is_static()) return;
  __nss_configure_lookup("passwd", "files");
  __nss_configure_lookup("group", "files");
  __nss_configure_lookup("hosts", "files dns");
  __nss_configure_lookup("services", "files");
}
