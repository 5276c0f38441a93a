#include "denied.h"
#include "late.h"
#include "policy.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

INTERPOSED int listen(int fd, int backlog) {
  uint32_t flags = state();
  if (flags & STATE_POLICY) policy_listening(fd);
  if (flags & STATE_LATE) late_decide(fd, MPTCPIZE_AT_LISTEN);
  int result = listen_permitted(fd, backlog);
  if (result == 0 && flags & STATE_STALLS) stalls_listening(fd);
  if (result == 0 && flags & STATE_RECORDING && recording()) record_listening(fd);
  return result;
}
