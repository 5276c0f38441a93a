// libbpf linked into a program that cannot load a library. scripts/tarball compiles this and links
// it with libbpf.a, if that is installed. No other build contains it.

#include "CLibBPF.h"
#include "functions.h"

// Their types are those of the table's members, as CLibBPF.h says. Only addresses are taken.
#define FUNCTION(name, member) extern char name[];
CLIBBPF_FUNCTIONS(FUNCTION)
#undef FUNCTION

extern const struct clibbpf clibbpf_in_program;

#define FUNCTION(name, member) .member = (void *)name,
const struct clibbpf clibbpf_in_program = {CLIBBPF_FUNCTIONS(FUNCTION)};
