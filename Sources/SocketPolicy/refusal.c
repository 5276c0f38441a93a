#include "SocketPolicy.h"

// The generic errno numbers: the same on every architecture this builds for.
enum { EINVAL = 22, EPROTONOSUPPORT = 93 };

bool mptcpize_refusal_is_permanent(int error) {
  return error == EINVAL || error == EPROTONOSUPPORT;
}
