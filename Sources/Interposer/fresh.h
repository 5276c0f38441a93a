// Sockets that nothing has happened to since socket() but options, flags and one epoll set: plain
// TCP takes their place without a look at all that the process has open. Only where there are
// rules, by which this happens to each connection of a program; other replacements are rare.

#ifndef MPTCPIZE_FRESH_H
#define MPTCPIZE_FRESH_H

#include "kernel.h"

/// socket() is about to return this MPTCP socket.
void fresh_made(int fd, int family);

/// It has another number, or an owner for its signals: it is not fresh any more.
void fresh_forget(int fd);

/// Sockets leave the process in messages, and can come back: none is fresh any more.
void fresh_forget_all(void);

/// epoll_ctl has succeeded.
void fresh_registered(int epoll, int operation, int fd, const struct epoll_registration *event);

/// Puts a TCP socket in its place, as replace_with_tcp does; not fresh afterwards in any case.
/// False: it was not, or something was refused, and all is as it was.
bool fresh_replace(int fd);

#endif
