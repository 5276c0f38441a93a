#include "late.h"
#include "policy.h"
#include "record.h"
#include "replace.h"
#include "state.h"

INTERPOSED int listen(int fd, int backlog) {
  uint32_t flags = state();
  if (!(flags & (STATE_RECORDING | STATE_LATE | STATE_POLICY))) return replace_listen(fd, backlog);
  if (flags & STATE_POLICY) policy_listening(fd);
  if (flags & STATE_LATE) late_decide(fd, MPTCPIZE_AT_LISTEN);
  int result = replace_listen(fd, backlog);
  if (result == 0 && recording()) record_listening(fd);
  return result;
}
