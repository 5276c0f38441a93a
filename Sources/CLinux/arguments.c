#include <stddef.h>

#include "CLinux.h"

static int count;
static char **arguments;

// glibc calls constructors with main()'s arguments (call_init of its elf/dl-init.c and
// csu/libc-start.c).
__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
  count = argc;
  arguments = argv;
}

int clinux_argument_count(void) { return count; }

const char *clinux_argument(int index) { return index < count ? arguments[index] : NULL; }
