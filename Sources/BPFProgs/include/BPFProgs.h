// What the BPF program and mptcpize share: the maps' names and layouts, and the
// compiled program itself.
//
//   memory     one mptcpize_bpf_memory      which program acts, which selection counts, and
//                                           what is counted; mapped by mptcpize
//   revision   one number                   MPTCPIZE_BPF_REVISION of this very program
//   selection  0, 1 → mptcpize_bpf_selection       the cgroups whose subtrees are selected:
//                                           state.chosen says which of the two is in force
//   cgroups    cgroup id → mptcpize_bpf_cgroup     what only users want to know
//
// A change is written into the selection that is not in force, and then chosen with
// one store. So it happens completely or not at all, whenever mptcpize is killed. A
// newer program is attached next to the older one with the same maps (but its own
// `revision`), and stays silent until state.live has its revision: no socket is
// counted twice.
//
// Only root writes the maps.

#ifndef MPTCPIZE_BPF_PROGS_H
#define MPTCPIZE_BPF_PROGS_H

#include <stddef.h>
#include <stdint.h>

#include "BPFEvents.h"
#include "BPFRemedies.h"

/// Format of the maps. A program with another one cannot be replaced in place.
#define MPTCPIZE_BPF_LAYOUT 2u
/// Raised with every change of the program: a lower one is replaced by `attach`.
#define MPTCPIZE_BPF_REVISION 5u

/// Cgroups deeper than this many levels below the root cannot be selected.
#define MPTCPIZE_BPF_DEPTHS 32u
/// Cgroups that can be selected at a time.
#define MPTCPIZE_BPF_CGROUPS 1000u
/// Slots of counters: for a selection, and for the one that is to follow it. A power of two.
#define MPTCPIZE_BPF_SLOTS 2048u
/// The slot that stands for "not selected".
#define MPTCPIZE_BPF_NO_SLOT 0u

/// In mptcpize_bpf_entry.slot: everything stays TCP there, also what asks for MPTCP by itself.
#define MPTCPIZE_BPF_ALL_TCP 0x80000000u

/// Names of the programs, of which each decides where the ones before it were
/// skipped, in the order in which they are to be attached; see mptcpize.bpf.c.
#define MPTCPIZE_BPF_PROGRAM_2 "mptcpize_spare_2"
#define MPTCPIZE_BPF_PROGRAM_1 "mptcpize_spare_1"
#define MPTCPIZE_BPF_PROGRAM_0 "mptcpize_first"

/// The kernel function they are attached to (Linux ≥ 6.6).
#define MPTCPIZE_BPF_HOOK "update_socket_protocol"

/// mptcpize_bpf_state.pernet: not looked for yet.
#define MPTCPIZE_BPF_PERNET_UNKNOWN 0
/// mptcpize_bpf_state.pernet: this kernel keeps net.mptcp.enabled elsewhere.
#define MPTCPIZE_BPF_PERNET_NONE (-1)

struct mptcpize_bpf_state {
  uint32_t layout;       ///< MPTCPIZE_BPF_LAYOUT
  uint32_t live;         ///< revision of the program that acts; all others stay silent
  uint64_t chosen;       ///< generation of the selection in force; see mptcpize_bpf_index
  uint32_t mptcpv6;      ///< whether the kernel makes AF_INET6 MPTCP sockets
  int32_t pernet;        ///< index of MPTCP's part of every network namespace, or one of the above
  uint64_t home;         ///< where the kernel has the namespaces of its first task; 0: not known
  uint64_t home_pernet;  ///< where it has MPTCP's part of their network namespace
};

/// Step from a selection's generation to the next one's. What is below it is the
/// serial number of a cgroup, in verdicts.
#define MPTCPIZE_BPF_GENERATION (1ull << 40)
/// Bits of a generation: where a verdict has no more, it starts again.
#define MPTCPIZE_BPF_GENERATIONS ((1ull << 48) - 1)

/// Which of the two selections a generation is.
static inline uint32_t mptcpize_bpf_index(uint64_t generation) {
  return (generation / MPTCPIZE_BPF_GENERATION) & 1;
}

/// A selected cgroup. `id` 0: a free place.
struct mptcpize_bpf_entry {
  uint64_t id;
  uint32_t slot;   ///< in `counters`, with MPTCPIZE_BPF_ALL_TCP or not
  uint32_t depth;  ///< levels below the root; MPTCPIZE_BPF_DEPTHS: not known
};

/// Places of a selection, a power of two: eight for each cgroup, so that two places to
/// choose from suffice.
#define MPTCPIZE_BPF_ENTRIES 8192u

/// A cuckoo hash table: a cgroup is in one of the two places of mptcpize_bpf_place.
/// A map of its own kind would cost the program a call, other tables a loop, which
/// costs the verifier seconds.
struct mptcpize_bpf_selection {
  uint32_t shallowest;  ///< no selected cgroup is less deep than this (the root: 0)
  uint32_t deepest;     ///< nor deeper than this
  uint64_t seed;        ///< odd, and such that all cgroups found a place
  struct mptcpize_bpf_entry entries[MPTCPIZE_BPF_ENTRIES];
};

/// A cgroup's place, first (0) or second (1). Ids are consecutive numbers, which a
/// multiplication spreads over the upper bits (Knuth).
static inline uint32_t mptcpize_bpf_place(uint64_t seed, uint64_t id, uint32_t which) {
  return (uint32_t)((id * seed) >> (which ? 16 : 40)) & (MPTCPIZE_BPF_ENTRIES - 1);
}

/// What became of the socket() calls in a selected cgroup's subtree; those below a
/// nested selected cgroup count there only.
struct mptcpize_bpf_counters {
  uint64_t upgraded;    ///< asked for TCP, answered with MPTCP; of MPTCPIZE_BPF_ALL_TCP, vice versa
  uint64_t mptcp_off;   ///< left TCP: net.mptcp.enabled=0 in the network namespace
  uint64_t no_mptcpv6;  ///< left TCP: AF_INET6 on a kernel without MPTCPv6
  uint64_t not_tcp;     ///< internet sockets that did not ask for TCP (UDP, raw, MPTCP)
};

/// Verdicts that are remembered.
#define MPTCPIZE_BPF_VERDICTS 2048u
/// What a verdict is divided by to get at its upper bits: bytes of all counters.
#define MPTCPIZE_BPF_VERDICT (MPTCPIZE_BPF_SLOTS * (uint64_t)sizeof(struct mptcpize_bpf_counters))

/// In a verdict: no distance, which is a multiple of the counters' size.
#define MPTCPIZE_BPF_VERDICT_TCP 1u

/// Name of the map that a BPF program's variables are in; `memory` is the only one.
#define MPTCPIZE_BPF_MEMORY ".bss"

/// What the program reads without looking it up. `verdicts` says, at the place of a
/// cgroup's serial number, where its sockets count: in the lower bits the slot's distance
/// from `counters`, in bytes, and above them the generation plus the serial number, as
/// proof that it is this cgroup's and this selection's. MPTCPIZE_BPF_VERDICT_TCP in the place of
/// the distance: TCP as where nothing is selected, and what asks for MPTCP gets TCP.
struct mptcpize_bpf_memory {
  struct mptcpize_bpf_state state;
  uint64_t verdicts[MPTCPIZE_BPF_VERDICTS];
  struct mptcpize_bpf_counters counters[MPTCPIZE_BPF_SLOTS];
};

static inline struct mptcpize_bpf_state *mptcpize_bpf_state_of(struct mptcpize_bpf_memory *memory) {
  return &memory->state;
}

static inline struct mptcpize_bpf_counters *mptcpize_bpf_counters_of(
    struct mptcpize_bpf_memory *memory, uint32_t slot) {
  return &memory->counters[slot % MPTCPIZE_BPF_SLOTS];
}

/// Lets the program of this revision act, and all others be silent.
static inline void mptcpize_bpf_go_live(struct mptcpize_bpf_memory *memory, uint32_t revision) {
  __atomic_store_n(&memory->state.live, revision, __ATOMIC_SEQ_CST);
}

/// Puts the other selection in force.
static inline void mptcpize_bpf_choose_other(struct mptcpize_bpf_memory *memory) {
  uint64_t next = (memory->state.chosen + MPTCPIZE_BPF_GENERATION) & MPTCPIZE_BPF_GENERATIONS;
  if (next == 0) {
    // What is left of generations that had the numbers before.
    for (uint32_t i = 0; i < MPTCPIZE_BPF_VERDICTS; i++)
      __atomic_store_n(&memory->verdicts[i], 0, __ATOMIC_RELAXED);
    // Never 0: the root cgroup's serial number is 0, and no verdict would be one on it.
    next = 2 * MPTCPIZE_BPF_GENERATION;
  }
  __atomic_store_n(&memory->state.chosen, next, __ATOMIC_SEQ_CST);
}

/// In mptcpize_bpf_cgroup.owner: nftables holds rules for it.
#define MPTCPIZE_BPF_RULES (1ull << 32)

/// Bytes of mptcpize_bpf_cgroup.path, its NUL included.
#define MPTCPIZE_BPF_PATH 1016

struct mptcpize_bpf_cgroup {
  uint64_t since;                ///< when it was attached: seconds since 1970
  char path[MPTCPIZE_BPF_PATH];  ///< at that time, for when it is gone
  uint64_t owner;                ///< BPFOwner of BPFMode; older versions wrote 0
};

/// The compiled program, an ELF file; NULL in a build without it (scripts/build-bpf).
const void *mptcpize_bpf_object(size_t *size);

#endif
