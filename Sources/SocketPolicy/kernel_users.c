// Programs that connect or listen, and then give the socket to the kernel, which refuses what is
// not TCP: nbd (drivers/block/nbd.c, nbd_get_socket; seen on Linux 7.2), iscsi_tcp
// (drivers/scsi/iscsi_tcp.c, iscsi_sw_tcp_conn_bind; 7.2), nfsd (net/sunrpc/svcsock.c,
// svc_addsock). If a kernel still accepts MPTCP, it uses such a socket in ways that nobody has
// tried.

#include <stddef.h>

#include "SocketPolicy.h"

static const struct {
  char program[12], part[8];
} users[] = {
    {"iscsid", "iscsi"},
    {"iscsistart", "iscsi"},
    {"nbd-client", "nbd"},
    {"rpc.nfsd", "nfsd"},
};

static bool equal(const char *one, const char *other) {
  while (*one && *one == *other) one++, other++;
  return *one == *other;
}

const char *mptcpize_kernel_user(const char *program) {
  for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
    if (equal(users[i].program, program)) return users[i].part;
  }
  return NULL;
}
