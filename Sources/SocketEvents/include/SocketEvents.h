// The event record, the ring it travels in, and the environment contract.
//
// All ways in (preload library, BPF program, seccomp) use the same record: what
// happened to which socket of which process. Writers are arbitrary programs; the
// only reader is `mptcpize run`. The ring is a shared file that writers map when
// they start, so it still works if a program closes every descriptor, changes its
// root or drops its privileges.
//
// Everything in the ring is untrusted input to the reader: any process that was
// given its name can write anything into it.

#ifndef MPTCPIZE_SOCKET_EVENTS_H
#define MPTCPIZE_SOCKET_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- Environment contract -------------------------------------------------

/// Path of the ring file. Absent: nothing is recorded.
#define MPTCPIZE_ENV_RING "MPTCPIZE_RING"
/// "1": kernel errors pass unchanged, no option remedy acts (`run --strict`).
#define MPTCPIZE_ENV_STRICT "MPTCPIZE_STRICT"
/// "1": SO_PROTOCOL reads IPPROTO_TCP of MPTCP sockets, but for those that the program itself
/// asked for (`run --protocol-as-tcp`, `enable --protocol-as-tcp`).
#define MPTCPIZE_ENV_PROTOCOL_AS_TCP "MPTCPIZE_PROTOCOL_AS_TCP"
/// The rules for what stays TCP, in the canonical text of SocketPolicy's ConnectionPolicy.h. Absent
/// or empty: there are none.
#define MPTCPIZE_ENV_POLICY "MPTCPIZE_POLICY"
/// Overrides where the CLI looks for the preload library. Never read by the library.
#define MPTCPIZE_ENV_LIBRARY "MPTCPIZE_LIBRARY"

// --- The record -----------------------------------------------------------

/// What a record says. Values are part of the ring's format: append only.
enum mptcpize_event_kind {
  /// socket() returned; `asked`, `got`, `error` (of a refused upgrade) are set.
  MPTCPIZE_CREATED = 1,
  /// listen() succeeded; `local` is set.
  MPTCPIZE_LISTENING = 2,
  /// connect() returned 0 or is under way (`error` EINPROGRESS, EINTR, …), or
  /// failed with `error`; `remote` and, where known, `local` are set.
  MPTCPIZE_CONNECTING = 3,
  /// accept() returned a connection; both addresses are set.
  MPTCPIZE_ACCEPTED = 4,
  /// The same socket is now open as `fd` too (dup, dup2, dup3); `origin` is the other fd.
  MPTCPIZE_DUPLICATED = 5,
  /// This descriptor is about to be closed, for the reason in `cause`; the
  /// kernel's answer (`wire`, `subflows`, bytes) is of this moment.
  MPTCPIZE_CLOSED = 6,
  /// A socket option met a remedy; `option_level`, `option_name`, `remedy`,
  /// `error` (what the kernel said) are set. Told once for each socket and option.
  /// After a demotion `inode` is the new socket's and `got` IPPROTO_TCP: what was open
  /// as `fd` before, under another inode, is now this one.
  MPTCPIZE_REMEDIED = 7,
  /// A program image began in `pid`: what it had open before is gone, but for
  /// the MPTCPIZE_INHERITED records that follow. A library that LD_PRELOAD names before ours
  /// stands in the place of `local` and `remote`.
  MPTCPIZE_STARTED = 8,
  /// `pid` is a fork of the process `origin` and holds all that one held.
  MPTCPIZE_FORKED = 9,
  /// A new program image found this socket open as `fd`.
  MPTCPIZE_INHERITED = 10,
  /// exec failed: the process lives on; its CLOSED records with cause EXEC are void.
  MPTCPIZE_EXEC_FAILED = 11,
  /// The kernel's answer while the socket lives on: taken at shutdown(), because
  /// the number of subflows is gone once all of them are closed.
  MPTCPIZE_OBSERVED = 12,
  /// `pid` is about to fork: what it holds at this moment, the child will hold. The
  /// child's own record can come after the parent has closed some of it.
  MPTCPIZE_FORKING = 13,
  /// `pid` is about to become, or is, a program that the library does not come into, for the
  /// reason in `cause` (enum mptcpize_unreached). Its path, or the end of a long one, stands in
  /// the place of `local` and `remote`. Void if exec fails, or a STARTED of `pid` follows.
  MPTCPIZE_UNREACHED = 14,
  /// A rule of MPTCPIZE_ENV_POLICY (`rule`) says TCP for this socket, as it connects or listens.
  /// `got` is what it is: IPPROTO_TCP, and then `inode` is the new socket's, as after a demotion;
  /// or IPPROTO_MPTCP, where it could not be replaced.
  MPTCPIZE_RULED = 15,
};

/// Why a program that was started does not load the library.
enum mptcpize_unreached {
  MPTCPIZE_UNREACHED_ENVIRONMENT = 1,   ///< LD_PRELOAD without our entry
  MPTCPIZE_UNREACHED_SET_USER = 2,      ///< set-uid
  MPTCPIZE_UNREACHED_SET_GROUP = 3,     ///< set-gid
  MPTCPIZE_UNREACHED_CAPABILITIES = 4,  ///< file capabilities
  MPTCPIZE_UNREACHED_CHANGED_USER = 5,  ///< its starter has changed its own user or group
  MPTCPIZE_UNREACHED_STATIC = 6,        ///< statically linked
};

/// The kernel's own answer to "what is this socket on the wire?".
enum mptcpize_wire {
  MPTCPIZE_WIRE_UNKNOWN = 0,
  MPTCPIZE_WIRE_MPTCP = 1,     ///< the peer's key was received (RFC 8684 section 3.1)
  MPTCPIZE_WIRE_FALLBACK = 2,  ///< an MPTCP socket that speaks plain TCP
  MPTCPIZE_WIRE_TCP = 3,       ///< a TCP socket
  MPTCPIZE_WIRE_LISTENING = 4,
  MPTCPIZE_WIRE_UNCONNECTED = 5,  ///< never established
};

/// `option_level` of what is no option: a call that MPTCP was denied, `option_name`.
#define MPTCPIZE_LEVEL_CALL (-2)

enum mptcpize_call { MPTCPIZE_CALL_BIND = 1, MPTCPIZE_CALL_CONNECT = 2, MPTCPIZE_CALL_LISTEN = 3 };

/// What made a descriptor go away.
enum mptcpize_close_cause {
  MPTCPIZE_CAUSE_CLOSE = 1,     ///< close, close_range, closefrom, fclose
  MPTCPIZE_CAUSE_REPLACED = 2,  ///< dup2 or dup3 over it
  MPTCPIZE_CAUSE_EXEC = 3,      ///< close-on-exec
  MPTCPIZE_CAUSE_EXIT = 4,      ///< exit, _exit, quick_exit
};

enum mptcpize_role {
  MPTCPIZE_ROLE_NONE = 0,
  MPTCPIZE_ROLE_CONNECT = 1,
  MPTCPIZE_ROLE_LISTEN = 2,
  MPTCPIZE_ROLE_ACCEPT = 3,
};

/// A socket address, the same on every architecture.
struct mptcpize_address {
  uint8_t bytes[16];  ///< network order; IPv4 in the first four
  uint32_t scope;     ///< sin6_scope_id
  uint16_t port;      ///< host order
  uint8_t family;     ///< AF_INET, AF_INET6, or 0: not known
  uint8_t reserved;
};

/// A number of bytes that the kernel does not tell (Linux < 6.5 for MPTCP).
#define MPTCPIZE_BYTES_UNKNOWN UINT64_MAX

/// Bytes that `local` and `remote` have for a path.
#define MPTCPIZE_NAME (2 * sizeof(struct mptcpize_address))

struct mptcpize_event {
  uint8_t kind;     ///< enum mptcpize_event_kind
  uint8_t family;   ///< AF_INET or AF_INET6
  uint8_t wire;     ///< enum mptcpize_wire
  uint8_t cause;    ///< enum mptcpize_close_cause
  uint16_t error;   ///< errno, 0 for none
  uint16_t remedy;  ///< enum mptcpize_remedy of SocketPolicy
  int32_t pid;      ///< in the writer's PID namespace
  int32_t fd;       ///< -1 where no descriptor is meant
  int32_t origin;   ///< FORKED: the parent's pid; DUPLICATED: the other fd
  uint16_t asked;   ///< protocol the program asked for: 0 or IPPROTO_TCP
  uint16_t got;     ///< protocol it got: IPPROTO_TCP or IPPROTO_MPTCP
  /// Names the kernel's socket, whatever descriptor or process it is open in: its inode
  /// number. Not SO_COOKIE: accepted MPTCP sockets have their listener's, once it has one.
  uint64_t inode;
  uint64_t bytes_sent;      ///< accepted from the program, acknowledged or not
  uint64_t bytes_received;  ///< arrived in order, read by the program or not
  uint32_t subflows;        ///< paths, the first one included
  uint32_t option_level;
  uint32_t option_name;
  /// One more than the number of the rule that decided, in CREATED and RULED; 0: none did.
  uint16_t rule;
  /// mptcpize_policy_sum() of the text that has the rule: a run within a run has rules of its own.
  uint16_t policy;
  struct mptcpize_address local;
  struct mptcpize_address remote;
  char program[16];  ///< comm of the image, NUL-terminated
};

// --- The ring -------------------------------------------------------------

struct mptcpize_ring;

/// Number of slots; a power of two. About 4.5 MiB in all.
#define MPTCPIZE_RING_SLOTS 32768u

/// Bytes that the ring file must have, all of them allocated beforehand: a page
/// that cannot be had later would kill the writer with SIGBUS.
size_t mptcpize_ring_size(void);

/// Writes the header of a new, zeroed ring.
void mptcpize_ring_format(struct mptcpize_ring *ring);

/// Whether this memory of `size` bytes is a ring of this very format.
bool mptcpize_ring_valid(const struct mptcpize_ring *ring, size_t size);

/// The reader goes. Programs that outlive it keep the ring mapped, and ask before each record.
void mptcpize_ring_end(struct mptcpize_ring *ring);

/// Whether anyone reads this ring, as far as can be told: not when its reader was killed.
bool mptcpize_ring_is_read(const struct mptcpize_ring *ring);

/// Appends a copy of the record. Never waits: where the ring is full the record
/// is counted as dropped. Safe in signal handlers and across processes.
void mptcpize_ring_put(struct mptcpize_ring *ring, const struct mptcpize_event *event);

/// Takes the oldest record; false when there is none yet. One reader only.
bool mptcpize_ring_take(struct mptcpize_ring *ring, struct mptcpize_event *event);

/// Gives up on the oldest claimed slot whose writer died or stopped in the
/// middle of writing it; false when there is no such slot. The caller decides
/// how long is too long.
bool mptcpize_ring_abandon(struct mptcpize_ring *ring);

/// Records lost so far: the ring was full, or abandoned.
uint32_t mptcpize_ring_dropped(const struct mptcpize_ring *ring);

/// Records waiting to be taken.
uint32_t mptcpize_ring_pending(const struct mptcpize_ring *ring);

#endif
