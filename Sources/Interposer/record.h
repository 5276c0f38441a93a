// Puts into the ring what happened to a socket. Called only when there is a ring;
// never touches errno, never allocates, never waits: any interposed function may be
// running in a signal handler or in a vfork child.

#ifndef MPTCPIZE_RECORD_H
#define MPTCPIZE_RECORD_H

#include "SocketEvents.h"
#include "kernel.h"

/// socket() returned `fd`; `refusal` is the errno with which MPTCP was refused, or 0.
void record_created(int fd, int family, int asked, int got, int refusal);

/// listen() succeeded.
void record_listening(int fd);

/// connect() to this address returned; `error` is its errno, or 0.
void record_connecting(int fd, const void *address, socklen_t length, int error);

/// accept() returned `fd`.
void record_accepted(int fd);

/// `fd` is now the same socket as `origin`.
void record_duplicated(int fd, int origin);

/// An option was remedied. A demotion is told for each number of the socket, when the
/// plain TCP socket is in its place.
void record_remedied(int fd, int level, int name, int remedy, int refusal);

/// A rule says TCP for the socket; told for each of its numbers when the plain TCP socket is in its
/// place, or for one if it cannot be.
void record_ruled(int fd, int rule);

/// shutdown() is about to be called.
void record_observed(int fd);

/// `fd` is about to be closed.
void record_closing(int fd, enum mptcpize_close_cause cause);

/// All descriptors from `first` to `last` are about to be closed.
void record_closing_range(unsigned int first, unsigned int last);

/// exec is about to be called: what is close-on-exec goes away.
void record_exec(void);

/// The program `name`, of `length` bytes, is started in process `pid`, and the library will not be
/// there, for the reason.
void record_unreached(int pid, const char *name, size_t length, enum mptcpize_unreached reason);

/// exec returned.
void record_exec_failed(void);

/// This program image has begun: what it has inherited, and that forks are to be told.
void record_image_started(void);

/// The process is about to end, and with it its descriptors.
void record_process_ending(void);

#endif
