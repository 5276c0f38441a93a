// net.mptcp.enabled=0, with which socket() refuses MPTCP as long as it is set. A refusal costs two
// thirds of a TCP socket.

#ifndef MPTCPIZE_DISABLED_H
#define MPTCPIZE_DISABLED_H

#include "kernel.h"

/// MPTCP was refused with this errno.
void disabled_note(int family, int refusal);

/// Whether it was refused so lately, 6 to 16 ms at most, that the sysctl need not be asked about
/// again.
bool disabled_lately(void);

#endif
