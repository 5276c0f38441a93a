// What a cgroup's programs set on each new socket: device, mark, priority.

#ifndef MPTCPIZE_CGROUP_SETTINGS_H
#define MPTCPIZE_CGROUP_SETTINGS_H

#include "kernel.h"

/// Looks whether something has been set on this new MPTCP socket, and if so, sets it again so that
/// its subflows have it too. False where they cannot get it: the socket must not be used. Once
/// nothing was found, the process does not look again (STATE_UNUSUAL_INET).
bool cgroup_settings_reach_subflows(int fd, int family);

#endif
