// Embeds what scripts/build-bpf compiled. A Swift package resource would do the
// same, but needs Foundation, which takes longer to load than the command runs.

#include "BPFEvents.h"
#include "BPFProgs.h"

// clang before 19 knows neither of the two.
#ifdef __has_embed
#if __has_embed("../../build/bpf/mptcpize.bpf.o") && \
    __has_embed("../../build/bpf/remedies.bpf.o") && __has_embed("../../build/bpf/events.bpf.o")
#define MPTCPIZE_HAS_OBJECTS
#endif
#endif

#ifdef MPTCPIZE_HAS_OBJECTS

// ELF wants alignment: libelf reads its headers in place.
static const _Alignas(16) unsigned char object[] = {
#embed "../../build/bpf/mptcpize.bpf.o"
};

static const _Alignas(16) unsigned char events[] = {
#embed "../../build/bpf/events.bpf.o"
};

const void *mptcpize_bpf_object(size_t *size) {
  *size = sizeof object;
  return object;
}

static const _Alignas(16) unsigned char remedies[] = {
#embed "../../build/bpf/remedies.bpf.o"
};

const void *mptcpize_bpf_remedies(size_t *size) {
  *size = sizeof remedies;
  return remedies;
}

const void *mptcpize_events_object(size_t *size) {
  *size = sizeof events;
  return events;
}

#else

const void *mptcpize_bpf_object(size_t *size) {
  *size = 0;
  return NULL;
}

const void *mptcpize_bpf_remedies(size_t *size) {
  *size = 0;
  return NULL;
}

const void *mptcpize_events_object(size_t *size) {
  *size = 0;
  return NULL;
}

#endif
