// The filter: which system calls are sent to the supervisor.

#ifndef SECCOMP_SUPERVISOR_FILTER_H
#define SECCOMP_SUPERVISOR_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "SeccompSupervisor.h"

enum call_kind {
  CALL_SOCKET,
  CALL_SETSOCKOPT,
  CALL_GETSOCKOPT,
  CALL_IOCTL,
  CALL_SECCOMP,
  CALL_PRCTL,
  CALL_LANDLOCK,
  CALL_CONNECT,
  CALL_LISTEN,
  CALL_SHUTDOWN,
  CALL_GETSOCKNAME,
  CALL_CLOSE,
  CALL_EXIT,
  CALL_SOCKETCALL,
  CALL_KINDS,
  CALL_NONE = CALL_KINDS,
};

// A way to make system calls: an architecture as audit(2) has them. A kernel has several.
struct call_interface {
  uint32_t architecture;
  bool is_32_bit;
  int numbers[CALL_KINDS];  // -1: there is none
};

extern const struct call_interface call_interfaces[];
extern const size_t call_interface_count;

/// Which of the calls that the filter sends this is.
enum call_kind call_kind_of(const struct call_interface *interface, int number);

/// socketcall(2)'s own numbers: linux/net.h.
enum {
  SOCKETCALL_SOCKET = 1,
  SOCKETCALL_CONNECT = 3,
  SOCKETCALL_LISTEN = 4,
  SOCKETCALL_GETSOCKNAME = 6,
  SOCKETCALL_SHUTDOWN = 13,
  SOCKETCALL_SETSOCKOPT = 14,
  SOCKETCALL_GETSOCKOPT = 15,
};

/// The longest filter that the kernel takes.
enum { FILTER_MOST = 4096 };

/// Whether something may have to be done about the option of this line.
bool filter_is_mended(const struct seccomp_supervision *supervision, size_t line);

/// Writes the filter; the number of its steps.
size_t filter_make(const struct seccomp_supervision *supervision,
                   struct sock_filter steps[FILTER_MOST]);

#endif
