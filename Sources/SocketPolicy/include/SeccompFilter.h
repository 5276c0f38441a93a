// Finds out what a seccomp filter answers to a system call, without making the call. Pure: no
// global state, no system call of its own.

#ifndef MPTCPIZE_SECCOMP_FILTER_H
#define MPTCPIZE_SECCOMP_FILTER_H

#include <stdint.h>

/// struct sock_filter, linux/filter.h.
struct mptcpize_filter_step {
  uint16_t code;
  uint8_t if_true, if_false;
  uint32_t operand;
};

/// struct sock_fprog, linux/filter.h.
struct mptcpize_filter {
  uint16_t length;
  const struct mptcpize_filter_step *steps;
};

/// struct seccomp_data, linux/seccomp.h: all that a filter can look at.
struct mptcpize_system_call {
  int32_t number;
  uint32_t architecture;
  uint64_t instruction_pointer;
  uint64_t arguments[6];
};

/// What becomes of a caller, from good to bad.
enum mptcpize_verdict {
  MPTCPIZE_VERDICT_ALLOWED,  ///< or allowed and logged
  MPTCPIZE_VERDICT_REFUSED,  ///< answered with an errno
  MPTCPIZE_VERDICT_ASKED,    ///< left to a tracer or supervisor, for whom the caller waits
  MPTCPIZE_VERDICT_KILLED,   ///< or sent SIGSYS, which programs take for the same
};

/// What the filter says of a call. It has to be one that the kernel has taken, and so checked.
enum mptcpize_verdict mptcpize_filter_verdict(const struct mptcpize_filter *filter,
                                              const struct mptcpize_system_call *call);

#endif
