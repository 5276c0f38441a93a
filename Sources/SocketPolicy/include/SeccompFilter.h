// What a seccomp filter answers to a system call, found out without making the call. Pure: no
// global state, no system call of its own.

#ifndef MPTCPIZE_SECCOMP_FILTER_H
#define MPTCPIZE_SECCOMP_FILTER_H

#include <stdbool.h>
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

/// Whether a caller survives this call: the filter allows it, answers it with an errno, or asks
/// a tracer or supervisor. Otherwise it kills, or sends SIGSYS, which programs take for the same.
/// The filter has to be one that the kernel has taken, and so checked.
bool mptcpize_filter_spares(const struct mptcpize_filter *filter,
                            const struct mptcpize_system_call *call);

#endif
