// SO_PROTOCOL, on which some programs depend.

#ifndef MPTCPIZE_PROTOCOL_H
#define MPTCPIZE_PROTOCOL_H

#include "kernel.h"

/// getsockopt(SOL_SOCKET, SO_PROTOCOL): the kernel's answer, or, where MPTCPIZE_PROTOCOL_AS_TCP
/// says so, IPPROTO_TCP for an MPTCP socket that the program did not ask for.
int protocol_get(int fd, void *value, socklen_t *length);

/// The program itself has asked for this MPTCP socket.
void protocol_asked_for(int fd);

/// Whether it has, as far as this program image knows.
bool protocol_is_asked_for(int fd);

#endif
