// libbpf inside of the program, for one that can load no library. scripts/tarball compiles this
// and links it, with libbpf.a, where that is installed; it is in no other build.

#include "CLibBPF.h"
#include "functions.h"

// Their types are those of the table's members, as CLibBPF.h says. Only addresses are taken.
#define FUNCTION(name, member) extern char name[];
CLIBBPF_FUNCTIONS(FUNCTION)
#undef FUNCTION

extern const struct clibbpf clibbpf_in_program;

#define FUNCTION(name, member) .member = (void *)name,
const struct clibbpf clibbpf_in_program = {CLIBBPF_FUNCTIONS(FUNCTION)};
