// What events.bpf.c and mptcpize share, in addition to the records of SocketEvents.h.
//
//   run     one mptcpize_events_run       whose sockets are reported
//   events  a ring buffer of struct mptcpize_event
//   sockets inode number → mptcpize_events_socket    those that are open
//   counts  one mptcpize_events_counts

#ifndef MPTCPIZE_BPF_EVENTS_H
#define MPTCPIZE_BPF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

/// Names of the programs that are attached to the run's cgroup.
#define MPTCPIZE_EVENTS_BEGIN "mptcpize_begin"
#define MPTCPIZE_EVENTS_END "mptcpize_end"

/// Size of the ring: some 30 000 records of 136 bytes.
#define MPTCPIZE_EVENTS_BYTES (4u << 20)
/// Sockets that can be open at a time.
#define MPTCPIZE_EVENTS_SOCKETS (1u << 17)
/// Levels of cgroups that are looked at.
#define MPTCPIZE_EVENTS_DEPTHS 32u

struct mptcpize_events_run {
  uint64_t cgroup;      ///< its id
  uint64_t pid_inode;   ///< the reader's PID namespace: st_ino of its file
  uint32_t shallowest;  ///< the least level below the root that the cgroup can have
  uint32_t deepest;     ///< and the greatest
  uint32_t mptcpv6;     ///< as in struct mptcpize_bpf_state
  int32_t pernet;
  uint32_t by_cgroup;  ///< whether the programs of the cgroup are attached
  uint32_t reserved;
};

enum mptcpize_events_flags {
  MPTCPIZE_EVENTS_TOLD = 1,       ///< its beginning has been told
  MPTCPIZE_EVENTS_IGNORED = 2,    ///< it did not ask for TCP: nothing is told
  MPTCPIZE_EVENTS_PLACED = 4,     ///< connect, listen or accept has been told
  MPTCPIZE_EVENTS_ELSEWHERE = 8,  ///< of another cgroup: inet_release() tells of its end
};

/// A socket that is open.
struct mptcpize_events_socket {
  int32_t pid;        ///< who made it, in the reader's PID namespace
  int32_t fd;         ///< -1: not known
  uint32_t flags;     ///< enum mptcpize_events_flags
  uint16_t protocol;  ///< what it got
  uint16_t error;     ///< why it did not get MPTCP, where that is known
  uint8_t family;
  uint8_t reserved[7];
  char program[16];  ///< comm
};

struct mptcpize_events_counts {
  uint64_t lost;       ///< records and sockets that found no room
  uint64_t made_up;    ///< accept, connect and listen, told at the end of the socket
  uint64_t elsewhere;  ///< sockets with MPTCPIZE_EVENTS_ELSEWHERE
};

/// The compiled program, an ELF file; NULL in a build without it (scripts/build-bpf).
const void *mptcpize_events_object(size_t *size);

#endif
