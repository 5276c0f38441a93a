// A program of the type cgroup/sock_create (`ip vrf exec` and container networks attach some) runs
// within socket(). It may bind the socket to a device, mark it, and give it a priority. With MPTCP,
// it changes the socket that the program holds, but not the subflows, which the kernel makes
// itself: they would leave a VRF by the default route.
//
// If mark and priority are set again, they reach all subflows, also later ones. A device would
// reach only the first one: later ones are bound to their endpoint's interface, or to none
// (__mptcp_subflow_connect of net/mptcp/subflow.c; Linux 6.18). In that case the socket stays TCP.
//
// No call shows whether there is such a program. A new socket with a device, a mark or a priority
// is a sure sign. The library examines the first socket of each family in a process. It does so
// again after exec, so it always sees `ip vrf exec`. It does not see a process that has already
// made a socket, and then is moved into such a cgroup, or whose cgroup then gets such a program.

#include "cgroup_settings.h"

#include "state.h"

// 0 where it cannot be told: nothing was set then that could be set again.
static uint32_t get(int fd, int name) {
  uint32_t value = 0;
  socklen_t length = sizeof value;
  return kernel_getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0 ? 0 : value;
}

static bool set(int fd, int name, uint32_t value) {
  return kernel_setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) >= 0;
}

bool cgroup_settings_reach_subflows(int fd, int family) {
  UNASKED(may_ask, UNASKED_SETTINGS);
  if (!may_ask) return true;
  uint32_t device = get(fd, SO_BINDTOIFINDEX);
  uint32_t mark = get(fd, SO_MARK);
  uint32_t priority = get(fd, SO_PRIORITY);
  if (!device && !mark && !priority) {
    __atomic_fetch_and(&state_flags, ~(1u << family), __ATOMIC_SEQ_CST);
    // Another thread may have been refused, or confined, meanwhile.
    bool is_refused = family == AF_INET ? state_refusal_inet : state_refusal_inet6;
    if (is_refused) __atomic_fetch_or(&state_flags, 1u << family, __ATOMIC_SEQ_CST);
    return true;
  }
  // Without effect, but for the first subflow: from now on there is one.
  if (device || !set(fd, SO_REUSEADDR, 0)) return false;
  // Refused where the process has no privilege for it.
  return (!mark || set(fd, SO_MARK, mark)) && (!priority || set(fd, SO_PRIORITY, priority));
}
