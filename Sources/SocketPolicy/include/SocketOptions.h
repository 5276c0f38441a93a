// Socket options that TCP accepts and MPTCP refuses on some kernels: what is done
// about each, and why. Pure: no global state, no system call of its own.

#ifndef MPTCPIZE_SOCKET_OPTIONS_H
#define MPTCPIZE_SOCKET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What is done when the kernel refuses an option of an MPTCP socket. The values are
/// part of the event ring's format: append only.
enum mptcpize_remedy {
  MPTCPIZE_REMEDY_NONE = 0,
  MPTCPIZE_IGNORE = 1,  ///< success: the program cannot tell the difference
  MPTCPIZE_ADJUST = 2,  ///< another call does the same, or a value that is safe
  MPTCPIZE_DEMOTE = 3,  ///< the socket is replaced by plain TCP under the same number
  MPTCPIZE_REFUSE = 4,  ///< the error: programs are known to cope, or must know
};

/// Which sets of an option to be demoted or refused ask for nothing, and are ignored.
enum mptcpize_hint {
  MPTCPIZE_HINT_NEVER = 0,
  MPTCPIZE_HINT_ZERO = 1,     ///< off: the value is 0, or all of its bytes, or there are none
  MPTCPIZE_HINT_INITIAL = 2,  ///< TCP's default, or -1, which stands for it
  MPTCPIZE_HINT_PRESENT = 3,  ///< the device that the socket is bound to already, or none
};

/// When it is decided whether an option makes a socket TCP. Until then its value is kept.
enum mptcpize_when {
  MPTCPIZE_AT_ONCE = 0,
  /// It means something to a socket that connects. One that listens ignores it, since the
  /// connections that it accepts do.
  MPTCPIZE_AT_CONNECT = 1,
  MPTCPIZE_AT_LISTEN = 2,  ///< it means something to a listener only
};

/// How getsockopt of a refused option is answered.
enum mptcpize_get {
  MPTCPIZE_GET_INT = 0,      ///< what the program set, or `initial`
  MPTCPIZE_GET_BOOL = 1,     ///< the same, as 0 or 1
  MPTCPIZE_GET_EMPTY = 2,    ///< nothing, of length 0
  MPTCPIZE_GET_MTU = 3,      ///< the path MTU that TCP_INFO tells; ENOTCONN while unconnected
  MPTCPIZE_GET_ERROR = 4,    ///< refused, with `get_error` if that is not 0
  MPTCPIZE_GET_INITIAL = 5,  ///< `initial`, whatever was set
};

/// A level of its own for the one ioctl(2) request among the options.
#define MPTCPIZE_LEVEL_IOCTL (-1)

/// One line of the table. Text in place: no pointers, no relocations in the library.
struct mptcpize_option {
  int32_t level;
  int32_t number;
  uint8_t remedy;     ///< enum mptcpize_remedy
  uint8_t otherwise;  ///< what DEMOTE becomes once the socket cannot be replaced any more
  uint8_t hint;       ///< enum mptcpize_hint
  uint8_t when;       ///< enum mptcpize_when, of DEMOTE
  uint8_t get;        ///< enum mptcpize_get
  bool is_bytes;      ///< the value is no integer
  bool connected;     ///< the kernel answers EINVAL once the socket is connected
  bool early;         ///< TCP gives it no effect once connected: only there it is ignored
  bool unchecked;     ///< where MPTCP takes it, it takes integers too that TCP does not
  int16_t error;      ///< errno of a refused set; 0: the kernel's own
  int16_t get_error;  ///< errno of MPTCPIZE_GET_ERROR; 0: the kernel's own
  int32_t low, high;  ///< the integers that TCP takes; EINVAL for others
  int32_t initial;    ///< what TCP's getsockopt answers on a fresh socket
  char label[32];     ///< "TCP_CORK"
  char reason[104];
};

/// The line for an option, or null. Constant time, safe anywhere.
const struct mptcpize_option *mptcpize_option_find(int level, int number);

/// All lines, sorted by level and number.
const struct mptcpize_option *mptcpize_option_table(size_t *count);

const char *mptcpize_option_label(const struct mptcpize_option *option);
const char *mptcpize_option_reason(const struct mptcpize_option *option);

/// Whether the integer asks for nothing, so that the option needs no remedy.
bool mptcpize_option_is_nothing(const struct mptcpize_option *option, int32_t number);

/// One setsockopt().
struct mptcpize_setting {
  const struct mptcpize_option *option;  ///< its line, or null
  int32_t level, number;
  const void *value;
  uint32_t length;
  int32_t family;   ///< the socket's
  int32_t refusal;  ///< the errno with which the kernel refused it
};

/// What to do about one that the kernel refused.
struct mptcpize_decision {
  bool replace;    ///< plain TCP takes the socket's place; what follows is for where it cannot
  uint8_t remedy;  ///< MPTCPIZE_IGNORE or MPTCPIZE_REFUSE
  bool keep;       ///< `kept` is what getsockopt answers from now on
  int16_t error;   ///< the errno of MPTCPIZE_REFUSE
  int32_t kept;
};

/// Whether this errno of setsockopt or getsockopt means that MPTCP does not do
/// this. The kernel's answer changes between ENOPROTOOPT and EOPNOTSUPP; `option`
/// may be null.
bool mptcpize_option_is_refusal(const struct mptcpize_option *option, int error);

/// Whether MPTCP takes a value that TCP refuses with EINVAL.
bool mptcpize_option_is_out_of_range(const struct mptcpize_setting *setting);

/// Decides about a set that the kernel refused.
struct mptcpize_decision mptcpize_option_decide(const struct mptcpize_setting *setting);

/// The errno for a get that the kernel refused and that nothing answers: TCP's.
int mptcpize_option_get_error(const struct mptcpize_option *option, int level, int family,
                              int refusal);

/// An option by its number alone.
struct mptcpize_option_key {
  int32_t level;
  int32_t number;
};

/// The options that MPTCP takes and can tell again: what a socket that is replaced by
/// plain TCP carries over, in this order. Those of the table are not among them: their
/// values are the interposer's to keep.
const struct mptcpize_option_key *mptcpize_option_carried(size_t *count);

/// Bytes below which a receive buffer stalls MPTCP: 2 MB over loopback need 0.4 s at
/// 32 KiB and never end at 4 KiB, but take 2 ms at 64 KiB (Linux 6.18; TCP: 1 ms, and
/// 14 ms at 4 KiB). Small send buffers are no slower than TCP's.
#define MPTCPIZE_RECEIVE_BUFFER_MINIMUM 65536

/// What keeps connections from standing still on kernels with this fault (docs/kernel-stall.md):
/// SO_RCVLOWAT of this many bytes, and back at once, opens the window of a connection,
#define MPTCPIZE_STALLS_WINDOW (3 << 20)
/// below this many bytes of receive buffer (as getsockopt shows it) transfers stall,
#define MPTCPIZE_STALLS_RECEIVE_BUFFER (6 << 20)
/// and TCP_NOTSENT_LOWAT limits what is written at once: a number that no program chooses, so that
/// it is known again by whoever reads it, in any process.
#define MPTCPIZE_STALLS_NOT_SENT ((512 << 10) + 1)

/// What TCP's getsockopt answers after SO_RCVBUF was set: the kernel doubles it, for
/// its own overhead, and has a floor. net/core/sock.c, SOCK_MIN_RCVBUF.
int32_t mptcpize_receive_buffer_shown(int32_t asked);

#endif
