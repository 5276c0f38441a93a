// What FIONREAD returns for an MPTCP socket, and the edge for the rest.

#ifndef MPTCPIZE_UNREAD_H
#define MPTCPIZE_UNREAD_H

#include "kernel.h"

/// The kernel has just written `count`, FIONREAD's answer for `fd`: corrects what TCP would have
/// answered differently, and sees to it that data beyond it raises an edge.
void unread_counted(int fd, int32_t *count);

/// epoll_ctl has registered `fd` for these events: an edge means nothing to whoever is told of
/// levels only.
void unread_registered(int fd, uint32_t events);

/// A socket is to raise signals, each of which is an edge.
void unread_signalled(void);

#endif
