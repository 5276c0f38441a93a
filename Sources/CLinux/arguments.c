#include "CLinux.h"

int clinux_argc;
char **clinux_argv;

// glibc calls constructors with main()'s arguments (_dl_init and __libc_csu_init of its elf/).
__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
  clinux_argc = argc;
  clinux_argv = argv;
}
