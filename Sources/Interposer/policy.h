// The administrator's rules for which connections and listeners stay TCP: carried out when it is
// known where a socket leads.

#ifndef MPTCPIZE_POLICY_H
#define MPTCPIZE_POLICY_H

#include "kernel.h"

/// A socket is about to connect to an address of the program's: plain TCP takes its place if the
/// rules say so. errno stays.
void policy_connecting(int fd, const void *address, socklen_t length);

/// A socket is about to listen. errno stays.
void policy_listening(int fd);

#endif
