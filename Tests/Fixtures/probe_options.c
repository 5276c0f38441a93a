// Asks this kernel, for a TCP and an MPTCP socket side by side, what it answers to every socket
// option 0-255 of four levels, to ioctls, to MSG_ flags and to a few calls: unconnected, listening
// and connected, AF_INET and AF_INET6. Prints only what differs.
//
//   probe_options            the differences
//   probe_options --all      every option that TCP knows, differing or not
//
// Under a preload library that mends them, only what it does not mend is left: the TCP sockets
// are made where no library sees it.
//
// A line: level, option, what was done, then states (4U 4L 4C 6U 6L 6C: family; unconnected,
// listening, connected) with "TCP's answer|MPTCP's answer". States in which both agree are left
// out. Traffic stays on the loopback interface.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { MPTCP = 262, STATES = 6, ANSWER = 96 };
static const char *const state_names[STATES] = {"4U", "4L", "4C", "6U", "6L", "6C"};
static bool print_all;

struct pair {
  int fd;    // the socket under test
  int peer;  // connected only: the other end
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static socklen_t loopback(int family, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  address->ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(struct sockaddr_in);
  }
  ((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
  return sizeof(struct sockaddr_in6);
}

// Past any preload library: TCP stays TCP.
static int new_socket(int family, int protocol) {
  int fd = (int)syscall(SYS_socket, family, SOCK_STREAM, protocol);
  if (fd < 0) fail("socket");
  return fd;
}

static int listener(int family, int protocol) {
  struct sockaddr_storage address;
  socklen_t length = loopback(family, &address);
  int fd = new_socket(family, protocol);
  if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, 8)) fail("listen");
  return fd;
}

static struct pair make(int state, int protocol) {
  // One listener per family and protocol serves all connected pairs.
  static int listeners[2][2];
  int family = state < 3 ? AF_INET : AF_INET6;
  struct pair pair = {-1, -1};
  if (state % 3 == 1) {
    pair.fd = listener(family, protocol);
    return pair;
  }
  pair.fd = new_socket(family, protocol);
  if (state % 3 == 0) return pair;
  int *server = &listeners[family == AF_INET6][protocol == MPTCP];
  if (!*server) *server = listener(family, protocol);
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  getsockname(*server, (struct sockaddr *)&address, &length);
  if (connect(pair.fd, (struct sockaddr *)&address, length)) fail("connect");
  pair.peer = accept(*server, NULL, NULL);
  if (pair.peer < 0) fail("accept");
  // One byte each way, so that an MPTCP connection is fully established.
  char byte = 'x';
  if (write(pair.fd, &byte, 1) != 1 || read(pair.peer, &byte, 1) != 1 ||
      write(pair.peer, &byte, 1) != 1 || read(pair.fd, &byte, 1) != 1)
    fail("first byte");
  return pair;
}

static void drop(struct pair pair) {
  struct linger abort_now = {1, 0};  // no TIME_WAIT: thousands of connections are made
  if (pair.peer >= 0) {
    setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &abort_now, sizeof abort_now);
    close(pair.peer);
  }
  close(pair.fd);
}

static const char *error_name(int error) {
  const char *name = strerrorname_np(error);
  return name ? name : "E?";
}

// --- What is tried ----------------------------------------------------------

struct value {
  const char *label;
  const void *bytes;
  socklen_t length;
};

struct special {
  int level, name;
  struct value value;
};

static const int numbers[] = {0, 1, 64, 4096, -1};
static struct sock_filter accept_all[] = {{BPF_RET | BPF_K, 0, 0, 0xffffffff}};
static const struct sock_fprog filter = {1, accept_all};
static const struct linger linger_value = {1, 5};
static const struct timeval timeout = {2, 0};
static const int64_t new_timeout[2] = {2, 0};
static const unsigned char ip_options[4] = {1, 1, 1, 0};  // NOP NOP NOP END
static const unsigned char zeros[256];
static const struct {
  int clock;
  unsigned flags;
} txtime = {1, 0};
static const int timestamping[2] = {0x10, 0};
static const uint32_t port_range = 40000u | 50000u << 16;
static unsigned char md5_key[216];  // struct tcp_md5sig
static unsigned char ipv6_pktinfo[20];
static unsigned char group_request[8] = {224, 0, 0, 251, 127, 0, 0, 1};

#define BYTES(label, object) \
  { label, &(object), sizeof(object) }
static const struct special specials[] = {
    {SOL_SOCKET, 13, BYTES("linger", linger_value)},
    {SOL_SOCKET, 20, BYTES("2s", timeout)},
    {SOL_SOCKET, 21, BYTES("2s", timeout)},
    {SOL_SOCKET, 66, BYTES("2s", new_timeout)},
    {SOL_SOCKET, 67, BYTES("2s", new_timeout)},
    {SOL_SOCKET, 25, {"lo", "lo", 3}},
    {SOL_SOCKET, 25, {"none", "", 0}},
    {SOL_SOCKET, 26, BYTES("filter", filter)},
    {SOL_SOCKET, 51, BYTES("filter", filter)},
    {SOL_SOCKET, 61, BYTES("txtime", txtime)},
    {SOL_SOCKET, 37, BYTES("struct", timestamping)},
    {SOL_SOCKET, 65, BYTES("struct", timestamping)},
    {IPPROTO_TCP, 13, {"reno", "reno", 4}},
    {IPPROTO_TCP, 14, BYTES("md5", md5_key)},
    {IPPROTO_TCP, 32, BYTES("md5", md5_key)},
    {IPPROTO_TCP, 31, {"tls", "tls", 3}},
    {IPPROTO_TCP, 31, {"none", "nope", 4}},
    {IPPROTO_TCP, 22, {"window", zeros, 20}},
    {IPPROTO_TCP, 29, {"window", zeros, 20}},
    {IPPROTO_TCP, 33, {"key", zeros, 16}},
    {IPPROTO_TCP, 38, {"ao", zeros, 256}},
    {IPPROTO_IP, 4, BYTES("nops", ip_options)},
    {IPPROTO_IP, 4, {"none", "", 0}},
    {IPPROTO_IP, 35, BYTES("mreq", group_request)},
    {IPPROTO_IP, 51, BYTES("range", port_range)},
    {IPPROTO_IPV6, 50, BYTES("zero", ipv6_pktinfo)},
    {IPPROTO_IPV6, 32, {"label", zeros, 32}},
    {IPPROTO_IPV6, 54, {"none", "", 0}},
    {IPPROTO_IPV6, 57, {"none", "", 0}},
    {IPPROTO_IPV6, 59, {"none", "", 0}},
};

// --- Comparing --------------------------------------------------------------

typedef void probe(struct pair pair, int level, int name, const struct value *value, char *answer);

// Refused by MPTCP, the value that TCP reads back says nothing more.
static void shorten(char *tcp, const char *mptcp) {
  char *value = strchr(tcp, ',');
  if (mptcp[0] == 'E' && value && strncmp(tcp, "ok,", 3) == 0) *value = 0;
}

// Consecutive values of one option with the same outcome are printed as one line.
static struct { char subject[64], what[256], columns[STATES * (2 * ANSWER + 8)]; } pending;

static void flush(void) {
  if (pending.subject[0]) printf("%s %s%s\n", pending.subject, pending.what, pending.columns);
  pending.subject[0] = 0;
}

static void emit(const char *subject, const char *what, const char *columns) {
  bool same = strcmp(pending.subject, subject) == 0 && strcmp(pending.columns, columns) == 0;
  if (same && strlen(pending.what) + strlen(what) + 2 < sizeof pending.what) {
    strcat(strcat(pending.what, " "), what);
    return;
  }
  flush();
  snprintf(pending.subject, sizeof pending.subject, "%s", subject);
  snprintf(pending.what, sizeof pending.what, "%s", what);
  snprintf(pending.columns, sizeof pending.columns, "%s", columns);
}

static void compare(const char *level_name, int level, int name, const char *what, probe *run,
                    const struct value *value) {
  char texts[STATES][2 * ANSWER + 2], columns[STATES * (2 * ANSWER + 8)] = "", subject[64];
  bool differs = false, known = false, same_errno_kind = true;
  for (int state = 0; state < STATES; state++) {
    char answers[2][ANSWER];
    for (int mptcp = 0; mptcp < 2; mptcp++) {
      struct pair pair = make(state, mptcp ? MPTCP : 0);
      run(pair, level, name, value, answers[mptcp]);
      drop(pair);
    }
    bool equal = strcmp(answers[0], answers[1]) == 0;
    bool unknown = strcmp(answers[0], "ENOPROTOOPT") == 0;
    if (!unknown && strcmp(answers[0], "ENOTTY") != 0) known = true;
    if (!equal) differs = true;
    if (!equal && !(unknown && strcmp(answers[1], "EOPNOTSUPP") == 0)) same_errno_kind = false;
    shorten(answers[0], answers[1]);
    if (equal)
      snprintf(texts[state], sizeof texts[state], "%s", print_all ? answers[0] : "=");
    else
      snprintf(texts[state], sizeof texts[state], "%s|%s", answers[0], answers[1]);
  }
  // What neither knows is told apart by the errno alone (ENOPROTOOPT, EOPNOTSUPP), hundreds of
  // times.
  if (same_errno_kind && !print_all) return;
  for (int state = 0; state < STATES; state++) {
    bool first = true;
    for (int other = 0; other < state; other++) first &= strcmp(texts[other], texts[state]) != 0;
    if (!first || (!print_all && strcmp(texts[state], "=") == 0)) continue;
    strcat(columns, "  ");
    for (int other = state; other < STATES; other++)
      if (strcmp(texts[other], texts[state]) == 0) strcat(strcat(columns, state_names[other]), " ");
    strcat(columns, texts[state]);
  }
  snprintf(subject, sizeof subject, "%s %d", level_name, name);
  if (differs || (print_all && known)) emit(subject, what, columns);
}

static void render(char *answer, const char *prefix, const unsigned char *bytes, socklen_t length) {
  int written = snprintf(answer, ANSWER, "%s[%u]", prefix, (unsigned)length);
  if (length == 4) {
    int number;
    memcpy(&number, bytes, 4);
    snprintf(answer + written, ANSWER - (size_t)written, "%d", number);
    return;
  }
  for (socklen_t i = 0; i < length && i < 16; i++)
    written += snprintf(answer + written, ANSWER - (size_t)written, "%02x", bytes[i]);
}

static void read_option(struct pair pair, int level, int name, char *answer, const char *prefix) {
  unsigned char bytes[512] = {0};
  socklen_t length = sizeof bytes;
  if (getsockopt(pair.fd, level, name, bytes, &length)) {
    snprintf(answer, ANSWER, "%s%s", prefix, error_name(errno));
    return;
  }
  // Addresses, cookies, counters and times differ by nature: their length tells enough.
  bool by_nature = (level == SOL_SOCKET && (name == 57 || name == 56 || name == 55)) ||
                   (level == IPPROTO_TCP && (name == 11 || name == 26 || name == 24));
  if (by_nature)
    snprintf(answer, ANSWER, "%s[%u]", prefix, (unsigned)length);
  else
    render(answer, prefix, bytes, length);
}

static void probe_get(struct pair pair, int level, int name, const struct value *value,
                      char *answer) {
  (void)value;
  read_option(pair, level, name, answer, "");
}

static void probe_set(struct pair pair, int level, int name, const struct value *value,
                      char *answer) {
  if (setsockopt(pair.fd, level, name, value->bytes, value->length)) {
    snprintf(answer, ANSWER, "%s", error_name(errno));
    return;
  }
  read_option(pair, level, name, answer, "ok,");
}

static void probe_ioctl(struct pair pair, int level, int name, const struct value *value,
                        char *answer) {
  (void)level;
  unsigned char bytes[256] = {0};
  if (value) memcpy(bytes, value->bytes, value->length);
  if (pair.peer >= 0) {
    if (write(pair.peer, "12345", 5) != 5) fail("write");
    struct pollfd readable = {pair.fd, POLLIN, 0};
    poll(&readable, 1, 1000);
  }
  if (ioctl(pair.fd, (unsigned)name, bytes))
    snprintf(answer, ANSWER, "%s", error_name(errno));
  else
    render(answer, "ok,", bytes, 4);
}

static void probe_send(struct pair pair, int level, int name, const struct value *value,
                       char *answer) {
  (void)level, (void)value;
  ssize_t sent = send(pair.fd, "1234567", 7, name | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    snprintf(answer, ANSWER, "%s", error_name(errno));
    return;
  }
  char bytes[64] = "";
  struct pollfd readable = {pair.peer, POLLIN | POLLPRI | POLLRDHUP, 0};
  poll(&readable, 1, 300);
  ssize_t received = recv(pair.peer, bytes, sizeof bytes, MSG_DONTWAIT);
  snprintf(answer, ANSWER, "%zd,revents=%#x,peer read %zd %s", sent, (unsigned)readable.revents,
           received, received < 0 ? error_name(errno) : "");
}

static void probe_receive(struct pair pair, int level, int name, const struct value *value,
                          char *answer) {
  (void)level, (void)value;
  char bytes[64] = "", control[256];
  struct iovec part = {bytes, 4};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (pair.peer >= 0) {
    if (write(pair.peer, "1234567", 7) != 7) fail("write");
    struct pollfd readable = {pair.fd, POLLIN, 0};
    poll(&readable, 1, 1000);
  }
  ssize_t received = recvmsg(pair.fd, &message, name | MSG_DONTWAIT);
  if (received < 0) {
    snprintf(answer, ANSWER, "%s", error_name(errno));
    return;
  }
  ssize_t rest = recv(pair.fd, bytes + 8, 8, MSG_DONTWAIT);
  snprintf(answer, ANSWER, "%zd %.4s flags=%#x control=%zu rest=%zd", received, bytes,
           (unsigned)message.msg_flags, (size_t)message.msg_controllen, rest);
}

// --- A few calls that are no options -------------------------------------------

enum call {
  SHUTDOWN_READ,
  SHUTDOWN_WRITE,
  DISCONNECT,
  LISTEN_AGAIN,
  BIND_TWICE,
  PEER_NAME,
  POLL_EVENTS,
  READ_AFTER_PEER_CLOSED,
  WRITE_AFTER_PEER_RESET,
  SET_OWNER,
  SEND_TO_ADDRESS,
  PEEK_TRUNCATED,
  CALLS
};
static const char *const call_names[CALLS] = {"shutdown(SHUT_RD)",
                                              "shutdown(SHUT_WR)",
                                              "connect(AF_UNSPEC)",
                                              "listen",
                                              "bind twice",
                                              "getpeername",
                                              "poll",
                                              "read after peer closed",
                                              "write after reset",
                                              "F_SETOWN",
                                              "sendto with address",
                                              "recv(MSG_TRUNC|MSG_PEEK)"};

static void probe_call(struct pair pair, int level, int name, const struct value *value,
                       char *answer) {
  (void)level, (void)value;
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  int domain = AF_INET, result = 0;
  socklen_t domain_length = sizeof domain;
  getsockopt(pair.fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_length);
  char bytes[8];
  struct pollfd events = {pair.fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
  errno = 0;
  switch ((enum call)name) {
    case SHUTDOWN_READ:
      result = shutdown(pair.fd, SHUT_RD);
      break;
    case SHUTDOWN_WRITE:
      result = shutdown(pair.fd, SHUT_WR);
      break;
    case DISCONNECT:
      address.ss_family = AF_UNSPEC;
      result = connect(pair.fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in6));
      break;
    case LISTEN_AGAIN:
      result = listen(pair.fd, 16);
      break;
    case BIND_TWICE:
      length = loopback(domain, &address);
      result = bind(pair.fd, (struct sockaddr *)&address, length);
      if (!result) result = bind(pair.fd, (struct sockaddr *)&address, length);
      break;
    case PEER_NAME:
      result = getpeername(pair.fd, (struct sockaddr *)&address, &length);
      break;
    case POLL_EVENTS:
      result = poll(&events, 1, 0);
      break;
    case READ_AFTER_PEER_CLOSED:
      if (pair.peer >= 0) shutdown(pair.peer, SHUT_WR);
      poll(&(struct pollfd){pair.fd, POLLRDHUP, 0}, 1, pair.peer >= 0 ? 500 : 0);
      poll(&events, 1, 0);
      errno = 0;
      result = (int)recv(pair.fd, bytes, sizeof bytes, MSG_DONTWAIT);
      break;
    case WRITE_AFTER_PEER_RESET:
      if (pair.peer >= 0) {
        struct linger abort_now = {1, 0};
        int copy = dup(pair.peer);
        setsockopt(copy, SOL_SOCKET, SO_LINGER, &abort_now, sizeof abort_now);
        close(copy);
        shutdown(pair.peer, SHUT_RDWR);
        poll(&(struct pollfd){pair.fd, POLLHUP, 0}, 1, 100);
      }
      result = (int)send(pair.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
      break;
    case SET_OWNER:
      result = fcntl(pair.fd, F_SETOWN, getpid());
      break;
    case SEND_TO_ADDRESS:
      length = loopback(domain, &address);
      ((struct sockaddr_in *)&address)->sin_port = htons(9);
      result = (int)sendto(pair.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT,
                           (struct sockaddr *)&address, length);
      break;
    case PEEK_TRUNCATED:
      if (pair.peer >= 0 && write(pair.peer, "1234567", 7) != 7) fail("write");
      if (pair.peer >= 0) poll(&(struct pollfd){pair.fd, POLLIN, 0}, 1, 1000);
      result = (int)recv(pair.fd, bytes, 4, MSG_TRUNC | MSG_PEEK | MSG_DONTWAIT);
      break;
    case CALLS:
      break;
  }
  snprintf(answer, ANSWER, "%d%s%s,revents=%#x", result, result < 0 ? " " : "",
           result < 0 ? error_name(errno) : "", (unsigned)events.revents);
}

// --- All of it ---------------------------------------------------------------

static bool tcp_knows(int level, int name) {
  for (int family = 0; family < 2; family++) {
    struct pair pair = make(family ? 3 : 0, 0);
    unsigned char bytes[512];
    socklen_t length = sizeof bytes;
    bool known = !getsockopt(pair.fd, level, name, bytes, &length) || errno != ENOPROTOOPT ||
                 !setsockopt(pair.fd, level, name, &numbers[1], 4) || errno != ENOPROTOOPT;
    drop(pair);
    if (known) return true;
  }
  return false;
}

static void probe_level(const char *level_name, int level) {
  for (int name = 0; name < 256; name++) {
    if (!tcp_knows(level, name)) continue;
    compare(level_name, level, name, "get", probe_get, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      char what[32];
      snprintf(what, sizeof what, "set=%d", numbers[i]);
      struct value value = BYTES(what, numbers[i]);
      compare(level_name, level, name, what, probe_set, &value);
    }
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
      if (specials[i].level != level || specials[i].name != name) continue;
      char what[32];
      snprintf(what, sizeof what, "set=%s", specials[i].value.label);
      compare(level_name, level, name, what, probe_set, &specials[i].value);
    }
  }
}

int main(int argc, char **argv) {
  print_all = argc > 1 && strcmp(argv[1], "--all") == 0;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGURG, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct utsname kernel;
  uname(&kernel);
  printf("# %s %s\n", kernel.sysname, kernel.release);
  int mptcp = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, MPTCP);
  if (mptcp < 0) {
    printf("no MPTCP on this kernel: %s\n", error_name(errno));
    return 0;
  }
  close(mptcp);
  md5_key[0] =
      AF_INET;  // struct tcp_md5sig: sockaddr_storage, then flags, prefix length, key length
  md5_key[4] = 127, md5_key[7] = 9;
  md5_key[130] = 3;

  probe_level("SOL_SOCKET", SOL_SOCKET);
  probe_level("IPPROTO_TCP", IPPROTO_TCP);
  probe_level("IPPROTO_IP", IPPROTO_IP);
  probe_level("IPPROTO_IPV6", IPPROTO_IPV6);

  static const struct {
    const char *name;
    int number;
  } ioctls[] = {{"FIONREAD", 0x541B},    {"SIOCOUTQ", 0x5411},     {"SIOCOUTQNSD", 0x894B},
                {"SIOCATMARK", 0x8905},  {"SIOCGSTAMP", 0x8906},   {"SIOCGSTAMPNS", 0x8907},
                {"SIOCSPGRP", 0x8902},   {"SIOCGPGRP", 0x8904},    {"FIOGETOWN", 0x8903},
                {"FIOSETOWN", 0x8901},   {"FIONBIO", 0x5421},      {"FIOASYNC", 0x5452},
                {"SIOCGIFCONF", 0x8912}, {"SIOCUNIXFILE", 0x89e4}, {"SIOCGSKNS", 0x894c}};
  for (size_t i = 0; i < sizeof ioctls / sizeof *ioctls; i++) {
    if (ioctls[i].number == 0x894c) continue;  // returns a descriptor: the same for every socket
    compare("ioctl", 0, ioctls[i].number, ioctls[i].name, probe_ioctl, NULL);
  }
  for (int bit = 0; bit < 32; bit++) {
    int flag = (int)(1u << bit);
    if (flag != MSG_FASTOPEN) compare("send", 0, flag, "MSG_ bit", probe_send, NULL);
    compare("recv", 0, flag, "MSG_ bit", probe_receive, NULL);
  }
  for (int call = 0; call < CALLS; call++)
    compare("call", 0, call, call_names[call], probe_call, NULL);
  flush();
  return 0;
}
