// TCP_INFO, which MPTCP answers for its first subflow only.

#ifndef MPTCPIZE_TCP_INFO_H
#define MPTCPIZE_TCP_INFO_H

#include "kernel.h"

/// getsockopt(IPPROTO_TCP, TCP_INFO). Costs nothing unless the state is CLOSE.
int tcp_info_get(int fd, void *value, socklen_t *length);

/// What the kernel told says that the first subflow is gone (or that there is no connection).
/// Where an MPTCP connection lives on others, writes over `information` what holds for it.
void tcp_info_mend(int fd, uint8_t *information, socklen_t length);

#endif
