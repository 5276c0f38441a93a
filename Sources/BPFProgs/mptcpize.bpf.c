// Answers socket() with MPTCP if TCP was asked for, in selected cgroups.
//
// __sys_socket(), and so every socket(2) of every program, calls update_socket_protocol(). The
// only purpose of this function is to be overridden by a program like this one. It runs before the
// protocol is looked up; returning 0 leaves the protocol unchanged. (io_uring's IORING_OP_SOCKET
// uses
// __sys_socket_file(), which does not call it: such a socket stays what it asked for.) The program
// must never make a socket() fail that would have succeeded. If IPPROTO_MPTCP would be refused, or
// if this is not known, the socket stays TCP.

#include "BPFProgs.h"
#include "SocketPolicy.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

// The helpers that read kernel memory are for GPL-compatible programs only.
const char license_name[] SEC("license") = "Dual BSD/GPL";

// The map ".bss".
struct mptcpize_bpf_memory memory;

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 2);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_bpf_selection);
} selection SEC(".maps");

// The other two are not used here, but live and die with the others.
struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 1);
  TYPE(key, uint32_t);
  TYPE(value, uint32_t);
} revision SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_HASH);
  UINT(map_flags, BPF_F_NO_PREALLOC);
  UINT(max_entries, MPTCPIZE_BPF_SLOTS);
  TYPE(key, uint64_t);
  TYPE(value, struct mptcpize_bpf_cgroup);
} cgroups SEC(".maps");

enum { SLOT_BYTES = sizeof(struct mptcpize_bpf_counters) };

// net_generic() ids start at MIN_PERNET_OPS_ID (net/core/net_namespace.c). MPTCP
// is never a module, so it got one of the first: 8 on Linux 6.12 and 7.2.
enum { FIRST_PERNET = 3, LAST_PERNET = 63 };

// Each subsystem's part of a network namespace lies at an index that is fixed at
// boot and told to nobody (mptcp_pernet_id is static). MPTCP's is the one whose
// first sysctl, net.mptcp.enabled, stores into the part itself.
RARE int find_pernet(struct net_generic *gen) {
  uint32_t length = 0;
  void **slots = (void **)&gen->ptr;
  if (!READ(&length, gen, s.len)) return MPTCPIZE_BPF_PERNET_NONE;
  for (uint32_t id = FIRST_PERNET; id <= LAST_PERNET; id++) {
    if (id >= length) break;
    struct mptcp_pernet *pernet;
    struct ctl_table_header *header;
    struct ctl_table *table;
    void *data;
    if (bpf_probe_read_kernel(&pernet, sizeof pernet, slots + id) == 0 && pernet &&
        READ(&header, pernet, ctl_table_hdr) && header && READ(&table, header, ctl_table) &&
        table && READ(&data, table, data) && data == &pernet->mptcp_enabled)
      return id;
  }
  return MPTCPIZE_BPF_PERNET_NONE;
}

// The namespaces of the idle task, where everyone's ancestry ends: they never go.
RARE struct nsproxy *find_home(struct task_struct *task) {
  for (int generation = 0; generation < 128; generation++) {
    struct nsproxy *home;
    int pid;
    if (!READ(&pid, task, pid)) return 0;
    if (pid == 0) return READ(&home, task, nsproxy) ? home : 0;
    if (!READ(&task, task, real_parent)) return 0;
  }
  return 0;
}

INLINE struct mptcp_pernet *pernet_of(struct nsproxy *namespaces) {
  int id = memory.state.pernet;
  struct net_generic *gen = namespaces->net_ns->gen;
  if (!gen || id <= MPTCPIZE_BPF_PERNET_UNKNOWN || id > LAST_PERNET) return 0;
  void **slots = (void **)&gen->ptr;
  return AS(mptcp_pernet, AS(list_head, slots + id)->next);
}

// Finds what the state says of the kernel. Happens once: `attach` makes a socket for it.
RARE int look_around(void) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct net_generic *gen = task->nsproxy->net_ns->gen;
  if (!gen || memory.state.pernet != MPTCPIZE_BPF_PERNET_UNKNOWN) return 0;
  memory.state.pernet = find_pernet(gen);
  struct nsproxy *home = find_home(task);
  struct mptcp_pernet *pernet = home ? pernet_of(AS(nsproxy, home)) : 0;
  if (!pernet) return 0;
  memory.state.home_pernet = (uint64_t)pernet;
  memory.state.home = (uint64_t)home;
  return 0;
}

// net.mptcp.enabled of the calling task's network namespace; false where it cannot be read.
RARE bool mptcp_is_on(void) {
  struct mptcp_pernet *pernet = pernet_of(bpf_get_current_task_btf()->nsproxy);
  return pernet && pernet->mptcp_enabled;
}

INLINE struct mptcpize_bpf_entry *find(struct mptcpize_bpf_selection *chosen, uint64_t id) {
  struct mptcpize_bpf_entry *first = &chosen->entries[mptcpize_bpf_place(chosen->seed, id, 0)];
  if (first->id == id) return first;
  struct mptcpize_bpf_entry *second = &chosen->entries[mptcpize_bpf_place(chosen->seed, id, 1)];
  return second->id == id ? second : 0;
}

// The slot of the most specific selected cgroup that the calling task is in.
RARE uint32_t judge(uint64_t generation) {
  uint32_t index = mptcpize_bpf_index(generation);
  struct mptcpize_bpf_selection *chosen = bpf_map_lookup_elem(&selection, &index);
  if (!chosen) return MPTCPIZE_BPF_NO_SLOT;
  uint32_t level = chosen->deepest, shallowest = chosen->shallowest;
  for (uint32_t i = 0; i < MPTCPIZE_BPF_DEPTHS; i++, level--) {
    // 0 for levels deeper than the task's own cgroup.
    uint64_t id = bpf_get_current_ancestor_cgroup_id(level);
    struct mptcpize_bpf_entry *entry = id ? find(chosen, id) : 0;
    if (entry) return entry->slot;
    if (level <= shallowest) break;
  }
  return MPTCPIZE_BPF_NO_SLOT;
}

// Whether a cgroup has a program of somebody else's that may bind each new socket to a device or
// mark it, as that of `ip vrf exec`, for itself or from above. MPTCP's subflows would not get that.
RARE bool has_settings(struct cgroup *cgroup) {
  enum { FIELD_EXISTS = 2, TYPE_SIZE = 1, ENUM_VALUE = 1, MOST = 16 };  // bpf_core_read.h
  if (!__builtin_preserve_field_info(cgroup->bpf, FIELD_EXISTS)) return false;
  const uint64_t ours = 0x657a69706374706dull;  // "mptcpize"
  uint64_t type = __builtin_preserve_enum_value(
      *(enum cgroup_bpf_attach_type *)CGROUP_INET_SOCK_CREATE, ENUM_VALUE);
  void **arrays = (void **)&cgroup->bpf.effective;
  void *item;
  if (bpf_probe_read_kernel(&item, sizeof item, arrays + type) != 0 || !item) return false;
  item = (void *)&((struct bpf_prog_array *)item)->items;
  for (int i = 0; i < MOST; i++) {
    struct bpf_prog *program;
    struct bpf_prog_aux *more;
    uint64_t name;
    if (!READ(&program, (struct bpf_prog_array_item *)item, prog) || !program) break;
    // One that has been taken away leaves a program without a name, until the array is made anew.
    if (READ(&more, program, aux) && more &&
        bpf_probe_read_kernel(&name, sizeof name, &more->name) == 0 && name != ours)
      return true;
    item += __builtin_preserve_type_info(*(struct bpf_prog_array_item *)0, TYPE_SIZE);
  }
  return false;
}

// A cgroup never gets other ancestors, and its serial number is never given out again, so
// that a verdict on it holds as long as the selection does. Gives the distance of its
// counters, 0 where it is not selected, or has settings of its own; or MPTCPIZE_BPF_VERDICT_TCP.
RARE uint64_t judge_and_remember(uint64_t serial) {
  uint64_t generation = memory.state.chosen;
  uint32_t slot = judge(generation);
  uint64_t distance = slot % MPTCPIZE_BPF_SLOTS * SLOT_BYTES;
  if (slot & MPTCPIZE_BPF_ALL_TCP)
    distance = MPTCPIZE_BPF_VERDICT_TCP;
  else if (distance && has_settings(bpf_get_current_task_btf()->cgroups->dfl_cgrp))
    distance = 0;
  *(volatile uint64_t *)&memory.verdicts[serial % MPTCPIZE_BPF_VERDICTS] =
      (serial + generation) * MPTCPIZE_BPF_VERDICT | distance;
  return distance;
}

INLINE uint64_t distance_of(uint64_t verdict) {
  return verdict % MPTCPIZE_BPF_VERDICT / SLOT_BYTES * SLOT_BYTES;
}

INLINE struct mptcpize_bpf_counters *counters_at(uint64_t distance) {
  return (struct mptcpize_bpf_counters *)((char *)memory.counters + distance_of(distance));
}

INLINE uint64_t current_serial(struct task_struct *task) {
  return task->cgroups->dfl_cgrp->self.serial_nr;
}

INLINE uint64_t remembered(struct mptcpize_bpf_memory *now, uint64_t serial) {
  return *(volatile uint64_t *)&now->verdicts[serial % MPTCPIZE_BPF_VERDICTS];
}

INLINE bool is_about(uint64_t verdict, struct mptcpize_bpf_memory *now, uint64_t serial) {
  return verdict / MPTCPIZE_BPF_VERDICT == serial + now->state.chosen;
}

// How far from the counters the calling task's are; 0 where its cgroup is not selected.
INLINE uint64_t current_distance(void) {
  uint64_t serial = current_serial(bpf_get_current_task_btf());
  uint64_t verdict = remembered(&memory, serial);
  return distance_of(is_about(verdict, &memory, serial) ? verdict : judge_and_remember(serial));
}

// Whether everything stays TCP in the calling task's cgroup, for a socket that asks for MPTCP.
RARE bool is_kept(void) {
  if (memory.state.live != MPTCPIZE_BPF_REVISION) return false;
  uint64_t serial = current_serial(bpf_get_current_task_btf());
  uint64_t verdict = remembered(&memory, serial);
  if (!is_about(verdict, &memory, serial)) verdict = judge_and_remember(serial);
  if (verdict % SLOT_BYTES != MPTCPIZE_BPF_VERDICT_TCP) return false;
  uint64_t distance = judge(memory.state.chosen) % MPTCPIZE_BPF_SLOTS * SLOT_BYTES;
  __sync_fetch_and_add(&counters_at(distance)->upgraded, 1);
  return true;
}

// What a socket() that asks for TCP is to use, in a selected cgroup.
RARE int decide_selected(uint64_t distance) {
  struct mptcpize_bpf_counters *counters = counters_at(distance);
  if (!mptcp_is_on()) {
    __sync_fetch_and_add(&counters->mptcp_off, 1);
    return IPPROTO_TCP;
  }
  __sync_fetch_and_add(&counters->upgraded, 1);
  return MPTCPIZE_IPPROTO_MPTCP;
}

// The same in a cgroup that is not known yet.
RARE int decide_unknown(uint64_t serial) {
  uint64_t distance = distance_of(judge_and_remember(serial));
  return distance == 0 ? IPPROTO_TCP : decide_selected(distance);
}

// The same where MPTCP cannot be.
RARE int decide_without_mptcpv6(void) {
  if (memory.state.live != MPTCPIZE_BPF_REVISION) return 0;
  uint64_t distance = current_distance();
  if (distance != 0) __sync_fetch_and_add(&counters_at(distance)->no_mptcpv6, 1);
  return IPPROTO_TCP;
}

// A socket that does not ask for TCP in a way that others know.
RARE int decide_other(uint64_t *arguments, bool is_first) {
  uint32_t family = arguments[0], type = arguments[1], protocol = arguments[2];
  if (family != AF_INET && family != AF_INET6) return protocol;
  if (protocol == MPTCPIZE_PLAIN_TCP) return IPPROTO_TCP;
  // With other bits set, it is refused by __sys_socket_create() right after this.
  type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (protocol == MPTCPIZE_IPPROTO_MPTCP && type == SOCK_STREAM && is_kept()) return IPPROTO_TCP;
  if (!is_first) return protocol;
  if (memory.state.live != MPTCPIZE_BPF_REVISION) return 0;
  uint64_t distance = current_distance();
  if (distance != 0 && !(type & ~SOCK_TYPE_MASK))
    __sync_fetch_and_add(&counters_at(distance)->not_tcp, 1);
  return type == SOCK_DGRAM && protocol == 0 ? IPPROTO_UDP : protocol;
}

// What socket() is to use: a protocol; 0 is what was asked for, unless a spare program
// decides otherwise. This is all that most calls pay for, hence its form: what is not the
// rule is decided in other functions, so that one register is to be saved, not four.
INLINE int decide(uint64_t *arguments, bool is_first) {
  uint32_t family = arguments[0], type = arguments[1], protocol = arguments[2];
  if (UNLIKELY((type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != SOCK_STREAM) ||
      UNLIKELY(!mptcpize_asks_for_tcp(family, SOCK_STREAM, protocol)))
    return decide_other(arguments, is_first);
  if (family == AF_INET6 && UNLIKELY(!memory.state.mptcpv6)) return decide_without_mptcpv6();

  struct task_struct *task = bpf_get_current_task_btf();
  struct mptcpize_bpf_memory *now;
  LOAD_ADDRESS(now, memory);
  if (UNLIKELY(now->state.live != MPTCPIZE_BPF_REVISION)) return is_first ? look_around() : 0;
  uint64_t serial = current_serial(task), verdict = remembered(now, serial);
  if (UNLIKELY(!is_about(verdict, now, serial))) return decide_unknown(serial);
  uint64_t distance = distance_of(verdict);
  if (distance == 0) return IPPROTO_TCP;
  if (UNLIKELY((uint64_t)task->nsproxy != now->state.home)) return decide_selected(distance);
  struct mptcp_pernet *pernet = AS(mptcp_pernet, (void *)now->state.home_pernet);
  if (UNLIKELY(!pernet->mptcp_enabled)) return decide_selected(distance);
  struct mptcpize_bpf_counters *counters =
      (struct mptcpize_bpf_counters *)((char *)memory.counters + distance);
  __sync_fetch_and_add(&counters->upgraded, 1);
  return MPTCPIZE_IPPROTO_MPTCP;
}

// The kernel does not run a tracing program on a CPU where it is running already
// (__bpf_prog_enter_recur() in kernel/bpf/trampoline.c, against recursion). Where
// kernel code can be preempted, a task that loses the CPU inside of the program
// so switches it off for all others there until it has the CPU back: it was skipped for
// up to 8 % of the sockets of eight busy processes on Linux 7.2. Hence the
// spares: the next one runs where the one before was skipped. The first answer
// that is not 0 ends the row, which is why TCP is left alone by naming it. What
// was attached last runs first.
#define PROGRAM(name, is_first)          \
  SEC("fmod_ret/update_socket_protocol") \
  int name(uint64_t *arguments) { return decide(arguments, is_first); }

PROGRAM(mptcpize_spare_2, false)
PROGRAM(mptcpize_spare_1, false)
PROGRAM(mptcpize_first, true)
