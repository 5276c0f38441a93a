// What mptcpize shares with the BPF programs that mend socket options.
//
//   remedies   option → mptcpize_bpf_remedy   what is done about it on this kernel
//   remedied   cgroup id → number             calls that were ignored or adjusted there
//   kept       socket → mptcpize_bpf_kept     what getsockopt answers of them
//
// BPFRemedyTable.swift makes `remedies` from SocketPolicy's table and this kernel's answers when
// each option was tried: there is no other list.

#ifndef MPTCPIZE_BPF_REMEDIES_H
#define MPTCPIZE_BPF_REMEDIES_H

#include <stddef.h>
#include <stdint.h>

#define MPTCPIZE_BPF_SETSOCKOPT "mptcpize_setsockopt"
#define MPTCPIZE_BPF_GETSOCKOPT "mptcpize_getsockopt"

enum mptcpize_bpf_action {
  MPTCPIZE_BPF_KERNEL = 0,  ///< the call goes on as it is
  MPTCPIZE_BPF_IGNORE = 1,  ///< success; EINVAL for a value that TCP would not take
  MPTCPIZE_BPF_HINT = 2,    ///< success for a value that asks for nothing; else as above
  MPTCPIZE_BPF_RCVBUF = 3,  ///< at least MPTCPIZE_RECEIVE_BUFFER_MINIMUM
  MPTCPIZE_BPF_CORK = 4,    ///< TCP_NODELAY in its place
};

/// What is done about one option of an MPTCP socket. All 0: nothing.
struct mptcpize_bpf_remedy {
  uint8_t fresh;      ///< enum mptcpize_bpf_action, before connect and listen
  uint8_t listening;  ///< the same, of a listener
  uint8_t connected;  ///< the same, of a socket that connects or is connected
  uint8_t hint;       ///< enum mptcpize_hint
  uint8_t is_bytes;   ///< the value is no integer
  uint8_t is_bool;    ///< getsockopt answers 0 or 1
  uint8_t can_get;    ///< where the kernel refuses to tell it, `initial` or what was set is told
  uint8_t forgets;    ///< getsockopt answers `initial` whatever was set
  int32_t low, high;  ///< the integers that TCP takes
  int32_t initial;
};

/// Option numbers of one level: all that the table names are lower.
#define MPTCPIZE_BPF_NUMBERS 128u
/// Places of `remedies`: four levels.
#define MPTCPIZE_BPF_OPTIONS (4 * MPTCPIZE_BPF_NUMBERS)

/// An option's place in `remedies`; MPTCPIZE_BPF_OPTIONS for one that has none.
static inline uint32_t mptcpize_bpf_option(int32_t level, int32_t number) {
  enum { IP = 0, SOCKET = 1, TCP = 6, IPV6 = 41 };  // IPPROTO_IP, SOL_SOCKET, …
  if ((uint32_t)number >= MPTCPIZE_BPF_NUMBERS) return MPTCPIZE_BPF_OPTIONS;
  uint32_t at = (uint32_t)number;
  if (level == IP) return at;
  if (level == SOCKET) return MPTCPIZE_BPF_NUMBERS + at;
  if (level == TCP) return 2 * MPTCPIZE_BPF_NUMBERS + at;
  if (level == IPV6) return 3 * MPTCPIZE_BPF_NUMBERS + at;
  return MPTCPIZE_BPF_OPTIONS;
}

/// Options of one socket whose values are kept; programs set two or three of the table.
#define MPTCPIZE_BPF_KEPT 8

/// What getsockopt answers instead of the kernel.
struct mptcpize_bpf_kept {
  struct {
    uint32_t option;  ///< place in `remedies` + 1; 0: free
    int32_t value;
  } options[MPTCPIZE_BPF_KEPT];
};

/// The compiled programs, an ELF file; NULL in a build without them (scripts/build-bpf).
const void *mptcpize_bpf_remedies(size_t *size);

#endif
