// Records of a caller's sockets, if there is a reader.

#ifndef SECCOMP_SUPERVISOR_RECORDS_H
#define SECCOMP_SUPERVISOR_RECORDS_H

#include "server.h"

bool records_are_read(const struct server *server);
void record_created(const struct server *server, const struct caller *caller, int fd,
                    uint64_t inode, int family, int asked, int got, int refusal);
void record_remedied(const struct server *server, const struct caller *caller, int fd,
                     uint64_t inode, int family, int got, const struct mptcpize_option *option,
                     int remedy, int refusal);
/// A rule has decided about a socket; `got` is what it is now.
void record_ruled(const struct server *server, const struct caller *caller, int fd, uint64_t inode,
                  int family, int got, int rule);
/// What becomes of sockets by connect, listen, shutdown, close and exit_group, right before.
void record_call(const struct server *server, struct caller *caller, const struct call *call);

#endif
