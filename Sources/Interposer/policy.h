// The administrator's rules that keep connections and listeners TCP. They are applied when the
// socket's destination is known.

#ifndef MPTCPIZE_POLICY_H
#define MPTCPIZE_POLICY_H

#include "kernel.h"

/// A socket is about to connect to an address of the program's: plain TCP takes its place if the
/// rules say so. errno stays.
void policy_connecting(int fd, const void *address, socklen_t length);

/// A socket is about to listen. errno stays.
void policy_listening(int fd);

#endif
