// Options whose effect depends on how the socket is used: connect() or listen() decides whether
// they make it TCP, not setsockopt().

#ifndef MPTCPIZE_LATE_H
#define MPTCPIZE_LATE_H

#include "SocketOptions.h"

/// Keeps the value of an option that MPTCP refused on a socket that has not been used yet. 0: kept;
/// else REPLACE_FAILED, or the errno with which TCP refuses it.
int late_set(int fd, const struct mptcpize_setting *setting);

/// The socket is about to connect (MPTCPIZE_AT_CONNECT) or to listen: plain TCP takes its place if
/// an option says so. errno stays.
void late_decide(int fd, enum mptcpize_when use);

#endif
