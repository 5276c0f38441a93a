#include "late.h"

#include "carry.h"
#include "kept.h"
#include "record.h"
#include "replace.h"
#include "state.h"

int late_set(int fd, const struct mptcpize_setting *setting) {
  UNASKED(may_judge, UNASKED_REPLACEMENT);
  if (!may_judge) return REPLACE_FAILED;
  uint64_t inode = kernel_inode(fd);
  if (!inode || !kernel_is_unconnected(fd)) return REPLACE_FAILED;
  int32_t shown = setting->option->initial;
  int socket = carry_plain_socket(setting->family);
  if (socket < 0) return REPLACE_FAILED;
  int error = carry_judge(socket, setting, &shown);
  if (error) return error;
  kept_put(inode, setting->option, shown);
  __atomic_fetch_or(&state_flags, STATE_LATE, __ATOMIC_RELEASE);
  return 0;
}

struct search {
  enum mptcpize_when use;
  const struct mptcpize_option *decisive, *ignored;
  int32_t value;
};

static void look(const struct mptcpize_option *option, int32_t value, void *context) {
  struct search *search = context;
  if (option->when == MPTCPIZE_AT_ONCE || mptcpize_option_is_nothing(option, value)) return;
  if (option->when != search->use) {
    search->ignored = option;
  } else if (!search->decisive) {
    search->decisive = option;
    search->value = value;
  }
}

// What the kernel says of an option, for the record.
static int refusal_of(int fd, const struct mptcpize_option *option) {
  UNASKED(may_ask, UNASKED_REPLACEMENT);
  if (!may_ask) return EPERM;
  int32_t value = option->initial;
  return (int)-kernel_setsockopt(fd, option->level, option->number, &value, sizeof value);
}

// All that is kept of the socket goes with it.
static bool replace(int fd, const struct search *search) {
  const struct mptcpize_option *option = search->decisive;
  struct mptcpize_setting setting = {
      .option = option,
      .level = option->level,
      .number = option->number,
      .value = &search->value,
      .length = sizeof search->value,
  };
  if (recording()) setting.refusal = refusal_of(fd, option);
  return replace_with_tcp(fd, &setting) == REPLACE_DONE;
}

__attribute__((noinline)) void late_decide(int fd, enum mptcpize_when use) {
  struct search search = {.use = use};
  kept_each(kernel_inode(fd), look, &search);
  if (search.decisive && replace(fd, &search)) return;
  const struct mptcpize_option *option = search.decisive ? search.decisive : search.ignored;
  if (!option || !recording() || !kernel_is_unconnected(fd)) return;
  record_remedied(fd, option->level, option->number, MPTCPIZE_IGNORE, refusal_of(fd, option));
}
