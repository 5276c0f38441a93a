// Answers socket() with MPTCP where TCP was asked for, in selected cgroups.
//
// __sys_socket(), __sys_socket_file() (io_uring) and so every socket(2) of every
// program pass update_socket_protocol(), whose only purpose is to be overridden
// by a program like this one. It runs before the protocol is looked up; returning
// 0 leaves the protocol alone. It must never make a socket() fail that would have
// succeeded: where IPPROTO_MPTCP would be refused, or where that cannot be told,
// the socket stays TCP.

#include "BPFProgs.h"
#include "SocketPolicy.h"
#include "kernel.bpf.h"

// The helpers that read kernel memory are for GPL-compatible programs only.
const char license_name[] SEC("license") = "Dual BSD/GPL";

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 1);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_bpf_state);
} state SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, 2);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_bpf_selection);
} selection SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, MPTCPIZE_BPF_SLOTS);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_bpf_counters);
} counters SEC(".maps");

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

enum { AF_INET = 2, AF_INET6 = 10, IPPROTO_TCP = 6 };

// net_generic() ids start at MIN_PERNET_OPS_ID (net/core/net_namespace.c). MPTCP
// is never a module, so it got one of the first: 8 on Linux 6.12 and 7.2.
enum { FIRST_PERNET = 3, LAST_PERNET = 255 };

// Each subsystem's part of a network namespace lies at an index that is fixed at
// boot and told to nobody (mptcp_pernet_id is static). MPTCP's is the one whose
// first sysctl, net.mptcp.enabled, stores into the part itself.
static __attribute__((noinline)) int find_pernet(struct net_generic *gen) {
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

// net.mptcp.enabled of this network namespace; false where it cannot be read.
INLINE bool mptcp_is_on(struct net_generic *gen, int id) {
  if (id <= MPTCPIZE_BPF_PERNET_UNKNOWN || id > LAST_PERNET) return false;
  void **slots = (void **)&gen->ptr;
  return AS(mptcp_pernet, AS(list_head, slots + id)->next)->mptcp_enabled;
}

// The calling task's part of the networking code's per-namespace data.
INLINE struct net_generic *current_generic(void) {
  return bpf_get_current_task_btf()->nsproxy->net_ns->gen;
}

INLINE struct mptcpize_bpf_entry *find(struct mptcpize_bpf_selection *chosen, uint64_t id) {
  for (uint32_t step = 0; step < MPTCPIZE_BPF_WAY; step++) {
    struct mptcpize_bpf_entry *entry = &chosen->entries[mptcpize_bpf_place(id, step)];
    if (entry->id == id) return entry;
    if (entry->id == 0) break;
  }
  return 0;
}

// The most specific selected cgroup that the calling task is in, or NULL.
INLINE struct mptcpize_bpf_entry *selected(const struct mptcpize_bpf_state *now) {
  uint32_t index = now->chosen;
  struct mptcpize_bpf_selection *chosen = bpf_map_lookup_elem(&selection, &index);
  if (!chosen) return 0;
  uint32_t level = chosen->deepest, shallowest = chosen->shallowest;
  for (uint32_t i = 0; i < MPTCPIZE_BPF_DEPTHS; i++, level--) {
    // 0 for levels deeper than the task's own cgroup.
    uint64_t id = bpf_get_current_ancestor_cgroup_id(level);
    struct mptcpize_bpf_entry *entry = id ? find(chosen, id) : 0;
    if (entry) return entry;
    if (level <= shallowest) break;
  }
  return 0;
}

// What socket() is to use: a protocol, or 0: what was asked for, unless a spare
// program decides otherwise.
INLINE int decide(uint64_t *arguments, bool is_first) {
  int family = (int)arguments[0], type = (int)arguments[1], protocol = (int)arguments[2];
  if (family != AF_INET && family != AF_INET6) return 0;
  bool asks_for_tcp = mptcpize_asks_for_tcp(family, type, protocol);
  if (!asks_for_tcp && !is_first) return 0;

  uint32_t only = 0;
  struct mptcpize_bpf_state *now = bpf_map_lookup_elem(&state, &only);
  if (!now) return 0;
  if (now->live != MPTCPIZE_BPF_REVISION) {
    // Happens once: `attach` makes a socket for it, and reads what was found.
    struct net_generic *gen = current_generic();
    if (gen && now->pernet == MPTCPIZE_BPF_PERNET_UNKNOWN) now->pernet = find_pernet(gen);
    return 0;
  }

  struct mptcpize_bpf_entry *cgroup = selected(now);
  if (!cgroup) return asks_for_tcp ? IPPROTO_TCP : 0;
  uint32_t slot = cgroup->slot;
  struct mptcpize_bpf_counters *counter = bpf_map_lookup_elem(&counters, &slot);
  if (!counter) return 0;

  if (!asks_for_tcp) {
    __sync_fetch_and_add(&counter->not_tcp, 1);
    return 0;
  }
  if (family == AF_INET6 && !now->mptcpv6) {
    __sync_fetch_and_add(&counter->no_mptcpv6, 1);
    return IPPROTO_TCP;
  }
  struct net_generic *gen = current_generic();
  if (!gen || !mptcp_is_on(gen, now->pernet)) {
    __sync_fetch_and_add(&counter->mptcp_off, 1);
    return IPPROTO_TCP;
  }
  __sync_fetch_and_add(&counter->upgraded, 1);
  return MPTCPIZE_IPPROTO_MPTCP;
}

// The kernel does not run a tracing program on a CPU where it is running already
// (__bpf_prog_enter_recur() in kernel/bpf/trampoline.c, against recursion). Where
// kernel code can be preempted, a task that loses the CPU inside of the program
// so switches it off for all others there until it has the CPU back: of the
// sockets of eight busy processes, one in seven stayed TCP on Linux 7.2. Hence the
// spares: the next one runs where the one before was skipped. The first answer
// that is not 0 ends the row, which is why TCP is left alone by naming it. What
// was attached last runs first.
#define PROGRAM(name, is_first)          \
  SEC("fmod_ret/update_socket_protocol") \
  int name(uint64_t *arguments) { return decide(arguments, is_first); }

PROGRAM(mptcpize_spare_3, false)
PROGRAM(mptcpize_spare_2, false)
PROGRAM(mptcpize_spare_1, false)
PROGRAM(mptcpize_first, true)
