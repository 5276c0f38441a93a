// What events.bpf.c and mptcpize share, beside the records of SocketEvents.h.
//
//   run     one mptcpize_events_run    whose sockets are told of
//   events  a ring buffer of struct mptcpize_event
//   lost    one number                 records that found no room

#ifndef MPTCPIZE_BPF_EVENTS_H
#define MPTCPIZE_BPF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

/// Size of the ring: some 30 000 records of 136 bytes.
#define MPTCPIZE_EVENTS_BYTES (4u << 20)
/// Sockets that can be open at a time.
#define MPTCPIZE_EVENTS_SOCKETS (1u << 17)
/// Levels of cgroups that are looked at.
#define MPTCPIZE_EVENTS_DEPTHS 32u

struct mptcpize_events_run {
  uint64_t cgroup;      ///< its id
  uint64_t pid_device;  ///< the reader's PID namespace: st_dev and st_ino of its file
  uint64_t pid_inode;
  uint32_t shallowest;  ///< the least level below the root that the cgroup can have
  uint32_t deepest;     ///< and the greatest
  uint32_t mptcpv6;     ///< as in struct mptcpize_bpf_state
  int32_t pernet;
};

/// The compiled program, an ELF file; NULL in a build without it (scripts/build-bpf).
const void *mptcpize_events_object(size_t *size);

#endif
