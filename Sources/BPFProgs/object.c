// Embeds what scripts/build-bpf compiled. A Swift package resource would do the
// same with Foundation, which costs the command more time than all it does.

#include "BPFProgs.h"

#if __has_embed("../../build/bpf/mptcpize.bpf.o")

// ELF wants alignment: libelf reads its headers in place.
static const _Alignas(16) unsigned char object[] = {
#embed "../../build/bpf/mptcpize.bpf.o"
};

const void *mptcpize_bpf_object(size_t *size) {
  *size = sizeof object;
  return object;
}

#else

const void *mptcpize_bpf_object(size_t *size) {
  *size = 0;
  return NULL;
}

#endif
