// What the BPF program and mptcpize share: the maps' names and layouts, and the
// compiled program itself.
//
//   state      one mptcpize_bpf_state       which program acts, which selection counts
//   revision   one number                   MPTCPIZE_BPF_REVISION of this very program
//   selection  0, 1 → mptcpize_bpf_selection       the cgroups whose subtrees are selected:
//                                           state.chosen says which of the two is in force
//   counters   slot → mptcpize_bpf_counters what is counted for each of them
//   cgroups    cgroup id → mptcpize_bpf_cgroup     what only users want to know
//
// A change is written into the selection that is not in force and then chosen with
// one store, so that it happens as a whole or not at all, whenever mptcpize is
// killed. A newer program is attached beside the older one with the same maps (but
// its own `revision`) and stays silent until state.live carries its revision: no
// socket is counted twice.
//
// All maps are written by root only.

#ifndef MPTCPIZE_BPF_PROGS_H
#define MPTCPIZE_BPF_PROGS_H

#include <stddef.h>
#include <stdint.h>

/// Format of the maps. A program with another one cannot be replaced in place.
#define MPTCPIZE_BPF_LAYOUT 1u
/// Raised with every change of the program: a lower one is replaced by `attach`.
#define MPTCPIZE_BPF_REVISION 2u

/// Cgroups deeper than this many levels below the root cannot be selected.
#define MPTCPIZE_BPF_DEPTHS 64u
/// Cgroups that can be selected at a time.
#define MPTCPIZE_BPF_CGROUPS 1024u
/// Slots of counters: for a selection, and for the one that is to follow it.
#define MPTCPIZE_BPF_SLOTS (2 * MPTCPIZE_BPF_CGROUPS)

/// Names of the programs, of which each decides where the ones before it were
/// skipped, in the order in which they are to be attached; see mptcpize.bpf.c.
#define MPTCPIZE_BPF_PROGRAM_3 "mptcpize_spare_3"
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
  uint32_t layout;   ///< MPTCPIZE_BPF_LAYOUT
  uint32_t live;     ///< revision of the program that acts; all others stay silent
  uint32_t chosen;   ///< index of the selection in force
  uint32_t mptcpv6;  ///< whether the kernel makes AF_INET6 MPTCP sockets
  int32_t pernet;    ///< index of MPTCP's part of every network namespace, or one of the above
};

/// A selected cgroup. `id` 0: a free place.
struct mptcpize_bpf_entry {
  uint64_t id;
  uint32_t slot;   ///< in `counters`
  uint32_t depth;  ///< levels below the root; MPTCPIZE_BPF_DEPTHS: not known
};

/// Places of a selection; four for each cgroup, which keeps the ways short.
#define MPTCPIZE_BPF_ENTRIES (4 * MPTCPIZE_BPF_CGROUPS)
/// No cgroup is further than this from its first place.
#define MPTCPIZE_BPF_WAY 32u

/// A hash table with open addressing: a cgroup is in the first free place from
/// mptcpize_bpf_place(id, 0) on. A map of its own kind would cost the program a call.
struct mptcpize_bpf_selection {
  uint32_t shallowest;  ///< no selected cgroup is less deep than this (the root: 0)
  uint32_t deepest;     ///< nor deeper than this
  struct mptcpize_bpf_entry entries[MPTCPIZE_BPF_ENTRIES];
};

/// Where in a selection a cgroup is, `step` places from its first one. Ids are
/// consecutive numbers: a multiplication by 2^64/phi spreads them (Knuth).
static inline uint32_t mptcpize_bpf_place(uint64_t id, uint32_t step) {
  return ((uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32) + step) & (MPTCPIZE_BPF_ENTRIES - 1);
}

/// What became of the socket() calls in a selected cgroup's subtree; those below a
/// nested selected cgroup count there only.
struct mptcpize_bpf_counters {
  uint64_t upgraded;    ///< asked for TCP, answered with MPTCP
  uint64_t mptcp_off;   ///< left TCP: net.mptcp.enabled=0 in the network namespace
  uint64_t no_mptcpv6;  ///< left TCP: AF_INET6 on a kernel without MPTCPv6
  uint64_t not_tcp;     ///< internet sockets that did not ask for TCP (UDP, raw, MPTCP)
};

/// Bytes of mptcpize_bpf_cgroup.path, its NUL included.
#define MPTCPIZE_BPF_PATH 1024

struct mptcpize_bpf_cgroup {
  uint64_t since;                ///< when it was attached: seconds since 1970
  char path[MPTCPIZE_BPF_PATH];  ///< at that time, for when it is gone
};

/// The compiled program, an ELF file; NULL in a build without it (scripts/build-bpf).
const void *mptcpize_bpf_object(size_t *size);

#endif
