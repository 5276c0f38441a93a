// What a TCP socket takes over from the MPTCP socket that it replaces.

#ifndef MPTCPIZE_CARRY_H
#define MPTCPIZE_CARRY_H

#include "SocketOptions.h"
#include "kernel.h"

struct carried {
  bool is_bound;
  bool was_exclusive;  ///< SO_REUSEADDR was off, and is on at the old socket now
  bool is_async;       ///< O_ASYNC is still to be set: it tells of a number, not of a socket
};

/// A new TCP socket, also where a BPF program makes MPTCP of what asks for it.
int carry_plain_socket(int family);

/// What TCP itself makes of a value, tried with a plain socket that is closed then; of no value,
/// what it has by default. 0, or the errno.
int carry_judge(int socket, const struct mptcpize_setting *setting, int32_t *shown);

/// A socket of a family and protocol, in the network namespace of `from`; negative where there is
/// none.
int carry_socket(int from, int family, int protocol);

/// Gives `to` the options, flags, owner and address of `from`, whose inode number this is. False
/// where something was refused. Either way `from` may be left so that its address can be shared,
/// see carry_back.
bool carry(int from, uint64_t inode, int to, struct carried *carried);

/// An option is about to be set on a socket of this process. False: it is not one of those that are
/// carried.
bool carry_note(int level, int number);

/// Gives `to` those options of `from` that were set on any socket of this process: enough for one
/// that was made by it. False where something was refused.
bool carry_noted(int from, int to);

/// `from` is to be used on: it is as it was.
void carry_back(int from, const struct carried *carried);

#endif
