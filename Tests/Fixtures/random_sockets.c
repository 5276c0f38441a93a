// Random sequences of socket calls, the same for the same seed:
//
//   random_sockets FIRST COUNT   one line for each seed: a sum over all that was seen
//   random_sockets trace SEED    every call of one sequence, and what came of it
//
// Over plain TCP and under the preload library both have to print the same. Nothing is printed
// that differs by nature (ports, sizes chosen by the kernel's tuning), and what arrives later than
// the call that caused it is waited for. What is known to differ is left out at the places marked
// DIFFERS, and described in docs/LIMITS.md.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random_options.h"

// --- Random numbers and what was seen -------------------------------------------------

static uint64_t random_state, sum;
static uint32_t seed;
static bool tracing;

static uint32_t any(uint32_t limit) {  // splitmix64
  uint64_t z = random_state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (uint32_t)((z ^ z >> 31) >> 32) % limit;
}

static bool chance(uint32_t percent) { return any(100) < percent; }

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  char text[256];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (tracing) fputs(text, stdout);
  for (int i = 0; i < length; i++) sum = (sum ^ (uint8_t)text[i]) * 0x100000001b3;  // FNV-1a
}

static void say_result(long result) {
  if (result < 0)
    say(" = %s\n", strerrorname_np(errno));
  else
    say(" = %ld\n", result);
}

// --- What is known of the sockets -------------------------------------------------------

enum { OBJECTS = 8, NUMBERS = 10, BACKLOG = 4 };
// DIFFERS: after a refused connect, or a shutdown before any, TCP reads the end of the stream
// and polls as hung up, and MPTCP is as it was before. Only connect and close follow.
enum state { FRESH, BOUND, LISTENING, CONNECTED, FAILED };

struct object {
  int family, references, queued[BACKLOG], queue_length, peer;
  enum state state;
  struct sockaddr_storage address;  // where a listener can be reached
  socklen_t length;
  uint32_t unread;  // bytes on their way to this one, or arrived
  uint8_t next_out, next_in;
  bool sent_shut, receive_shut, peer_shut, peer_gone, corked, nonblocking, was_set, inherits;
};

static struct object objects[OBJECTS];
static struct { int fd, object; } numbers[NUMBERS];

// The second set is in the first one.
enum { SETS = 2 };
static int sets[SETS];

static int unused_object(void) {
  for (int i = 0; i < OBJECTS; i++)
    if (!objects[i].references) return i;
  return -1;
}

static int unused_number(void) {
  for (int i = 0; i < NUMBERS; i++)
    if (numbers[i].fd < 0) return i;
  return -1;
}

static int used_number(void) {
  int used[NUMBERS], count = 0;
  for (int i = 0; i < NUMBERS; i++)
    if (numbers[i].fd >= 0) used[count++] = i;
  return count ? used[any((uint32_t)count)] : -1;
}

static struct object *object_of(int number) { return &objects[numbers[number].object]; }

static struct object *peer_of(const struct object *object) {
  return object->peer >= 0 ? &objects[object->peer] : NULL;
}

static void forget(struct object *object) {
  int self = (int)(object - objects);
  struct object *peer = peer_of(object);
  if (peer) {
    peer->peer_shut = peer->peer_gone = true;
    peer->peer = -1;
  }
  for (int i = 0; i < object->queue_length; i++) objects[object->queued[i]].peer_gone = true;
  for (int i = 0; i < OBJECTS; i++)
    for (int j = 0; j < objects[i].queue_length; j++)
      if (objects[i].queued[j] == self) objects[i].queued[j] = -1;
}

static void add(int number, int fd, int object) {
  numbers[number].fd = fd;
  numbers[number].object = object;
  objects[object].references++;
}

static void removed(int number) {
  struct object *object = object_of(number);
  numbers[number].fd = -1;
  if (--object->references == 0) forget(object);
}

// --- Waiting for what is on its way -------------------------------------------------------

static bool is_pollable(int fd, short events, int milliseconds) {
  struct pollfd one = {fd, events, 0};
  return poll(&one, 1, milliseconds) > 0 && one.revents & events;
}

// Nothing is left on its way to this socket.
static void settle(int number) {
  const struct object *object = object_of(number);
  int fd = numbers[number].fd;
  if (object->state == LISTENING && object->queue_length) is_pollable(fd, POLLIN, 2000);
  if (object->state != CONNECTED || object->receive_shut) return;
  for (int i = 0; i < 400 && object->unread; i++) {
    int waiting = 0;
    if (ioctl(fd, FIONREAD, &waiting) || (uint32_t)waiting >= object->unread) break;
    usleep(i < 50 ? 20 : 1000);
  }
  if (object->peer_shut) is_pollable(fd, POLLRDHUP, 2000);
}

// Whether something holds back what was sent to this socket, so that nobody can say when it comes.
static bool is_uncertain(const struct object *object) {
  const struct object *peer = peer_of(object);
  return (peer && peer->corked && object->unread) || object->peer_gone;
}

// --- Calls ----------------------------------------------------------------------------------

// A loopback address for each sequence, so that no closed connection is in another's way.
static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *address) {
  uint32_t host = 0x7f000001 + seed % 0xfffff0;
  memset(address, 0, sizeof *address);
  if (family == AF_INET) {
    struct sockaddr_in *inet = (struct sockaddr_in *)address;
    *inet = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(host)};
    return sizeof *inet;
  }
  struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)address;
  *inet6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
  inet6->sin6_addr.s6_addr[10] = inet6->sin6_addr.s6_addr[11] = 0xff;
  host = htonl(host);
  memcpy(&inet6->sin6_addr.s6_addr[12], &host, 4);
  return sizeof *inet6;
}

static uint16_t port_of(const struct sockaddr_storage *address) {
  struct sockaddr_in inet;  // sin6_port lies at the same place
  memcpy(&inet, address, sizeof inet);
  return inet.sin_port;
}

static bool call_socket(void) {
  static const int protocols[] = {0, IPPROTO_TCP};
  int number = unused_number(), object = unused_object();
  if (number < 0 || object < 0) return false;
  int family = chance(65) ? AF_INET : AF_INET6, flags = 0;
  if (chance(30)) flags |= SOCK_NONBLOCK;
  if (chance(20)) flags |= SOCK_CLOEXEC;
  int fd = socket(family, SOCK_STREAM | flags, protocols[any(2)]);
  say("socket %d %#x = %d\n", family, (unsigned)flags, fd);
  if (fd < 0) return true;
  objects[object] =
      (struct object){.family = family, .peer = -1, .nonblocking = (flags & SOCK_NONBLOCK) != 0};
  add(number, fd, object);
  return true;
}

static bool call_bind(void) {
  int number = used_number();
  struct object *object = object_of(number);
  struct sockaddr_storage address;
  int other = used_number();
  if (object->state == FAILED || object_of(other)->state == FAILED) return false;
  if (object->peer_gone) return false;
  uint16_t port = chance(20) ? port_of(&object_of(other)->address) : 0;
  // DIFFERS: which of two errors is reported when a connected socket is bound wrongly.
  bool is_connected = object->state == CONNECTED;
  if (is_connected && !chance(10)) return false;
  int family = is_connected || chance(95) ? object->family : AF_INET6;
  socklen_t length = loopback(family, port, &address);
  if (!is_connected && chance(5)) length = (socklen_t)any(20);
  int result = bind(numbers[number].fd, (struct sockaddr *)&address, length);
  say("bind %d %s", numbers[number].fd, port ? "to the port of another" : "to any port");
  say_result(result);
  if (result == 0) {
    object->state = BOUND;
    object->length = sizeof object->address;
    getsockname(numbers[number].fd, (struct sockaddr *)&object->address, &object->length);
  }
  return true;
}

static bool call_listen(void) {
  int number = used_number();
  struct object *object = object_of(number);
  // Of a socket without an address others connect to any of the host's.
  if (object->state == FRESH || object->state == FAILED) return false;
  int result = listen(numbers[number].fd, 16);
  say("listen %d", numbers[number].fd);
  say_result(result);
  if (result == 0) object->state = LISTENING;
  return true;
}

static int listener(int family) {
  int found[OBJECTS], count = 0;
  for (int i = 0; i < OBJECTS; i++) {
    const struct object *object = &objects[i];
    if (object->references && object->state == LISTENING && object->family == family &&
        object->queue_length < BACKLOG)
      found[count++] = i;
  }
  return count ? found[any((uint32_t)count)] : -1;
}

static bool call_connect(void) {
  int number = used_number(), fd = numbers[number].fd;
  struct object *object = object_of(number);
  int to = chance(90) ? listener(object->family) : -1;
  if ((to < 0 && !chance(10)) || object->peer_gone) return false;
  if (object->state == LISTENING && !chance(10)) return false;
  struct sockaddr_storage address;
  socklen_t length = loopback(object->family, htons(1), &address);  // where nobody listens
  if (to >= 0) address = objects[to].address, length = objects[to].length;
  if (chance(3)) length = 8;
  int result = connect(fd, (struct sockaddr *)&address, length);
  say("connect %d %s", fd, to >= 0 ? "" : "to nobody");
  say_result(result);
  if (object->state == CONNECTED || object->state == LISTENING) return true;
  if (result < 0 && errno == EINPROGRESS) {
    is_pollable(fd, POLLOUT, 2000);
    int error = -1;
    length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    say("  SO_ERROR %d\n", error);
    result = error ? -1 : 0;
    errno = error;
  }
  if (result == 0) {
    object->state = CONNECTED;
    if (to >= 0) objects[to].queued[objects[to].queue_length++] = (int)(object - objects);
  } else if (errno == ECONNREFUSED) {
    object->state = FAILED;
  }
  return true;
}

static bool call_accept(void) {
  int number = used_number(), place = unused_number(), into = unused_object();
  struct object *object = object_of(number);
  if (place < 0 || into < 0) return false;
  bool is_waiting = object->state == LISTENING && !object->queue_length && !object->nonblocking;
  if (is_waiting || (object->state != LISTENING && !chance(10))) return false;
  settle(number);
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  bool wants_address = chance(50);
  int flags = chance(30) ? SOCK_NONBLOCK : 0;
  int fd = accept4(numbers[number].fd, wants_address ? (struct sockaddr *)&address : NULL,
                   wants_address ? &length : NULL, flags);
  say("accept %d", numbers[number].fd);
  say_result(fd);
  if (fd < 0) return true;
  if (wants_address) say("  family %d, length %u\n", address.ss_family, length);
  int peer = object->queued[0];
  object->queue_length--;
  memmove(object->queued, object->queued + 1, sizeof(int) * (size_t)object->queue_length);
  objects[into] = (struct object){.family = object->family,
                                  .state = CONNECTED,
                                  .peer = peer,
                                  .inherits = object->was_set,
                                  .nonblocking = flags != 0};
  if (peer >= 0) {
    // What was sent before this one was accepted is waiting for it.
    objects[peer].peer = into;
    objects[into].unread = objects[peer].next_out;
    objects[into].peer_shut = objects[peer].sent_shut;
  } else {
    objects[into].peer_shut = objects[into].peer_gone = true;
  }
  add(place, fd, into);
  return true;
}

static bool call_send(void) {
  int number = used_number(), fd = numbers[number].fd;
  struct object *object = object_of(number), *peer = peer_of(object);
  // DIFFERS: what is sent to a peer that has closed fails over TCP, and is taken by MPTCP.
  if (object->peer_gone) return false;
  if (peer && peer->receive_shut) return false;
  if (object->state == LISTENING && !chance(20)) return false;
  uint8_t bytes[40];
  uint32_t length = any(sizeof bytes);
  if (object->next_out + length > 200) return false;
  for (uint32_t i = 0; i < length; i++) bytes[i] = (uint8_t)(object->next_out + i);
  int flags = MSG_NOSIGNAL;
  ssize_t sent = chance(50) ? send(fd, bytes, length, flags)
                            : sendmsg(fd,
                                      &(struct msghdr){
                                          .msg_iov = &(struct iovec){bytes, length},
                                          .msg_iovlen = 1,
                                      },
                                      flags);
  say("send %d %u", fd, length);
  say_result(sent);
  if (sent <= 0) return true;
  object->next_out = (uint8_t)(object->next_out + sent);
  if (peer) peer->unread += (uint32_t)sent;
  return true;
}

static bool call_receive(void) {
  int number = used_number(), fd = numbers[number].fd;
  struct object *object = object_of(number);
  if (is_uncertain(object)) return false;
  if (object->state == FAILED || (object->state != CONNECTED && !chance(20))) return false;
  settle(number);
  uint8_t bytes[64];
  size_t size = 1 + any(sizeof bytes - 1);  // DIFFERS: MPTCP reads no byte with success, always
  static const int kinds[] = {0, 0, 0, MSG_PEEK, MSG_WAITALL, MSG_TRUNC};
  int flags = kinds[any(sizeof kinds / sizeof *kinds)];
  ssize_t got = recv(fd, bytes, size, flags | MSG_DONTWAIT);
  say("recv %d %zu %#x", fd, size, (unsigned)flags);
  say_result(got);
  if (got <= 0) return true;
  for (ssize_t i = 0; i < got && !(flags & MSG_TRUNC); i++)
    if (bytes[i] != (uint8_t)(object->next_in + i)) say("  wrong byte at %zd\n", i);
  if (flags & MSG_PEEK) return true;
  object->next_in = (uint8_t)(object->next_in + got);
  object->unread -= (uint32_t)got;
  return true;
}

static bool call_shutdown(void) {
  int number = used_number();
  struct object *object = object_of(number), *peer = peer_of(object);
  // DIFFERS: a second shutdown fails once TCP has forgotten its peer, see call_name.
  if (object->state == LISTENING || object->peer_gone || object->sent_shut) return false;
  if (object->state != CONNECTED && !chance(20)) return false;
  int how = chance(70) ? SHUT_WR : (int)any(4);
  int result = shutdown(numbers[number].fd, how);
  say("shutdown %d %d", numbers[number].fd, how);
  say_result(result);
  if (object->state != CONNECTED) {
    object->state = FAILED;
    object->peer_gone = true;
  }
  if (result) return true;
  if (how != SHUT_RD) {
    object->sent_shut = true;
    object->corked = false;
    if (peer) peer->peer_shut = true;
  }
  if (how != SHUT_WR) object->receive_shut = true;
  return true;
}

static bool call_close(void) {
  int number = used_number();
  struct object *object = object_of(number);
  if (chance(50) && object->state != FAILED) return false;
  int result = close(numbers[number].fd);
  say("close %d", numbers[number].fd);
  say_result(result);
  removed(number);
  return true;
}

static bool call_dup(void) {
  int number = used_number(), place = unused_number(), fd = -1;
  if (chance(25)) {  // one in another's place
    int replaced = used_number();
    if (replaced == number) return false;
    int object = numbers[number].object, at = numbers[replaced].fd;
    fd = chance(50) ? dup2(numbers[number].fd, at) : dup3(numbers[number].fd, at, O_CLOEXEC);
    say("dup2 %d %d", numbers[number].fd, at);
    say_result(fd);
    objects[object].references++;
    removed(replaced);
    objects[object].references--;
    add(replaced, at, object);
    return true;
  }
  if (place < 0) return false;
  fd = chance(50) ? dup(numbers[number].fd) : fcntl(numbers[number].fd, F_DUPFD_CLOEXEC, 10);
  say("dup %d", numbers[number].fd);
  say_result(fd);
  if (fd >= 0) add(place, fd, numbers[number].object);
  return true;
}

static bool call_fcntl(void) {
  int number = used_number(), fd = numbers[number].fd;
  struct object *object = object_of(number);
  switch (any(4)) {
    case 0:
      say("F_GETFL %d", fd);
      say_result(fcntl(fd, F_GETFL));
      break;
    case 1:
      say("F_GETFD %d", fd);
      say_result(fcntl(fd, F_GETFD));
      break;
    case 2:
      say("F_SETFD %d", fd);
      say_result(fcntl(fd, F_SETFD, (int)any(2)));
      break;
    default:
      object->nonblocking = !object->nonblocking;
      say("F_SETFL %d %d", fd, object->nonblocking);
      say_result(fcntl(fd, F_SETFL, object->nonblocking ? O_NONBLOCK : 0));
  }
  return true;
}

static bool call_name(void) {
  int number = used_number(), fd = numbers[number].fd;
  const struct object *object = object_of(number);
  if (is_uncertain(object)) return false;
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  if (chance(50)) {
    int result = getsockname(fd, (struct sockaddr *)&address, &length);
    say("getsockname %d family %d, length %u, port %s", fd, address.ss_family, length,
        port_of(&address) ? "some" : "none");
    say_result(result);
    return true;
  }
  // DIFFERS: when both sides have ended, TCP forgets its peer at once.
  if (object->sent_shut || object->receive_shut || object->peer_shut) return false;
  int result = getpeername(fd, (struct sockaddr *)&address, &length);
  say("getpeername %d family %d", fd, address.ss_family);
  say_result(result);
  return true;
}

static bool call_ioctl(void) {
  int number = used_number(), fd = numbers[number].fd, value = -1;
  const struct object *object = object_of(number);
  if (is_uncertain(object)) return false;
  settle(number);
  int result;
  // DIFFERS, in the mode seccomp: MPTCP counts the end of the stream as a byte.
  bool is_open = object->state == CONNECTED && !object->peer_shut && !object->receive_shut;
  bool has_count = is_open || !getenv("SUPERVISED");
  if (chance(50) && has_count) {
    result = ioctl(fd, FIONREAD, &value);
    say("FIONREAD %d: %d", fd, value);
  } else {
    result = ioctl(fd, SIOCATMARK, &value);
    say("SIOCATMARK %d: %d", fd, value);
  }
  say_result(result);
  return true;
}

// Events that depend on the moment are waited for by settle().
static bool call_poll(void) {
  int number = used_number(), fd = numbers[number].fd;
  const struct object *object = object_of(number);
  if (object->state == FAILED || is_uncertain(object)) return false;
  settle(number);
  struct pollfd one = {fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0};
  int result = poll(&one, 1, 0);
  say("poll %d: %#x", fd, (unsigned)one.revents);
  say_result(result);
  return true;
}

// DIFFERS: what is edge-triggered may be told once more when a socket was replaced; and one that
// has fired once keeps its socket from being replaced, so that no such one is made of a fresh
// socket.
static bool call_register(void) {
  static const int operations[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD,
                                   EPOLL_CTL_DEL};
  int number = used_number(), fd = numbers[number].fd, set = (int)any(SETS);
  struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP,
                              {.u64 = (uint64_t)fd << 32 | (uint64_t)set}};
  int operation = operations[any(5)];
  if (chance(15)) event.events = EPOLLIN | EPOLLEXCLUSIVE;
  if (object_of(number)->state >= LISTENING && chance(15)) event.events |= EPOLLONESHOT;
  int result = epoll_ctl(sets[set], operation, fd, &event);
  say("epoll_ctl %d %d %d %#x", set, operation, fd, event.events);
  say_result(result);
  return true;
}

static bool call_wait(void) {
  for (int i = 0; i < NUMBERS; i++) {
    if (numbers[i].fd < 0) continue;
    if (object_of(i)->state == FAILED || is_uncertain(object_of(i))) return false;
    settle(i);
  }
  struct epoll_event events[2 * NUMBERS];
  int set = (int)any(SETS), count = epoll_wait(sets[set], events, 2 * NUMBERS, 0);
  say("epoll_wait %d = %d\n", set, count);
  // In the order of the numbers: the kernel's is that of the events' arrival.
  for (int i = -1; i < NUMBERS; i++)
    for (int j = 0; j < count; j++)
      if ((int)(events[j].data.u64 >> 32) == (i < 0 ? -1 : numbers[i].fd))
        say("  %d: %#x %u\n", i, events[j].events, (unsigned)events[j].data.u64);
  return true;
}

static void say_bytes(const uint8_t *bytes, socklen_t length) {
  for (socklen_t i = 0; i < length && i < 24; i++) say("%02x", bytes[i]);
}

static bool call_set(void) {
  int number = used_number(), fd = numbers[number].fd;
  struct object *object = object_of(number);
  const struct option *option = &options[any(OPTIONS)];
  bool is_fresh = object->state == FRESH || object->state == BOUND;
  if (!is_fresh && (option->only & (FRESH_ONLY))) return false;
  if (object->state == FAILED || object->peer_gone || object->inherits) return false;
  object->was_set = true;
  uint8_t value[64] = {0};
  socklen_t length = option->make ? option->make(value, any(4)) : sizeof(int);
  int chosen = option->values[any(VALUES)];
  if (!option->make) memcpy(value, &chosen, sizeof chosen);
  // DIFFERS: MPTCP takes single bytes where TCP wants an int, as IPPROTO_IP does.
  // And SO_BROADCAST, which it takes without effect, it does not look at.
  if (chance(4) && option->level == SOL_SOCKET && !(option->only & NO_GET))
    length = (socklen_t)any(9);
  if (chance(4) && option->level == IPPROTO_IP) length = 1;
  int before = ENOTBLK;  // success has to leave it alone
  errno = before;
  int result = setsockopt(fd, option->level, option->number, value, length);
  say("set %d %s ", fd, option->name);
  if (option->make != make_filter) say_bytes(value, length);  // holds an address
  say_result(result);
  if (result == 0 && !option->make && chance(50)) {
    int now = 0;
    length = sizeof now;
    result = getsockopt(fd, option->level, option->number, &now, &length);
    if (option->only & NO_GET) result = now = 0;
    say("  reads %d", object->state >= LISTENING && option->only & NO_GET_CONNECTED ? 0 : now);
    say_result(result);
    errno = before;
  }
  if (result == 0 && errno != before) say("  errno %s\n", strerrorname_np(errno));
  if (result == 0 && option->level == IPPROTO_TCP && option->number == TCP_CORK)
    object->corked = chosen != 0;
  return true;
}

static bool call_get(void) {
  int number = used_number(), fd = numbers[number].fd;
  const struct object *object = object_of(number);
  const struct option *option = &options[any(OPTIONS)];
  if (object->state == FAILED || object->peer_gone) return false;
  // DIFFERS: a socket that was accepted inherits no option that was ignored of its listener.
  if (object->inherits) return false;
  if (option->only & (NO_GET | NO_GET_UNSET)) return false;
  if (object->state >= LISTENING && option->only & NO_GET_CONNECTED) return false;
  // DIFFERS, in the mode seccomp: corking leaves TCP_NODELAY on.
  bool is_nodelay = option->level == IPPROTO_TCP && option->number == TCP_NODELAY;
  if (is_nodelay && getenv("SUPERVISED")) return false;
  uint8_t value[64] = {0};
  socklen_t length = option->make ? sizeof value : sizeof(int);
  // DIFFERS: MPTCP tells small numbers in a single byte when there is no room for four.
  if (chance(8)) length = any(2) * 4 + any(2) * 4;
  int result = getsockopt(fd, option->level, option->number, value, &length);
  say("get %d %s ", fd, option->name);
  if (result == 0) say_bytes(value, length);
  say_result(result);
  return true;
}

// --- Calls beside others, and under limits ------------------------------------------------------

// What follows happens while another process has all sockets and sets too.
static bool call_beside_process(void) {
  bool (*const calls[])(void) = {call_set, call_set, call_register, call_listen, call_fcntl};
  if (!chance(30)) return false;
  pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  say("beside a process\n");
  for (int i = 0; i < 3; i++) calls[any(sizeof calls / sizeof *calls)]();
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return true;
}

static void *set_in_thread(void *result) {
  *(bool *)result = call_set();
  return NULL;
}

static bool is_alone(void) {
  struct stat status;  // a link to each thread's folder, and two of its own
  return stat("/proc/self/task", &status) == 0 && status.st_nlink == 3;
}

// DIFFERS: while there are two threads, a socket of several numbers is not replaced.
static bool call_in_thread(void) {
  for (int i = 0; i < OBJECTS; i++)
    if (objects[i].references > 1) return false;
  if (!chance(50)) return false;
  bool result = false;
  pthread_t thread;
  say("in a thread\n");
  pthread_create(&thread, NULL, set_in_thread, &result);
  pthread_join(thread, NULL);
  while (!is_alone()) usleep(20);  // the kernel counts it for some time yet
  return result;
}

// DIFFERS: with no descriptor left a socket is not replaced. The option is ignored then, which is
// all that others have in common with TCP.
static bool call_limited(void) {
  int number = used_number(), free = dup(numbers[number].fd), value = (int)any(3) * 1000;
  close(free);
  struct rlimit limit = {(rlim_t)free + any(4), 1024};
  setrlimit(RLIMIT_NOFILE, &limit);
  say("limited\n");
  bool result = true;
  int fd = numbers[number].fd;
  const struct object *object = object_of(number);
  if (chance(30)) {
    result = call_socket() || call_dup();
  } else if (object->state <= BOUND && !object->inherits) {
    say("set %d TCP_USER_TIMEOUT", fd);
    say_result(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value));
    socklen_t length = sizeof value;
    getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &length);
    say("  reads %d\n", value);
  }
  limit.rlim_cur = 1024;
  setrlimit(RLIMIT_NOFILE, &limit);
  return result;
}

// --- One sequence ---------------------------------------------------------------------------

static const struct {
  bool (*call)(void);
  uint8_t weight;
} calls[] = {
    {call_socket, 5},  {call_bind, 6}, {call_listen, 6},         {call_connect, 12},
    {call_accept, 8},  {call_send, 8}, {call_receive, 8},        {call_shutdown, 3},
    {call_close, 3},   {call_dup, 3},  {call_fcntl, 3},          {call_name, 3},
    {call_ioctl, 2},   {call_poll, 4}, {call_register, 6},       {call_wait, 3},
    {call_set, 14},    {call_get, 10}, {call_beside_process, 1}, {call_in_thread, 1},
    {call_limited, 1},
};

static void sequence(void) {
  random_state = seed;
  sum = 0xcbf29ce484222325;
  for (int i = 0; i < NUMBERS; i++) numbers[i].fd = -1;
  memset(objects, 0, sizeof objects);
  for (int i = 0; i < SETS; i++) sets[i] = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event inner = {EPOLLIN, {.u64 = (uint64_t)-1 << 32}};
  epoll_ctl(sets[0], EPOLL_CTL_ADD, sets[1], &inner);
  call_socket();
  call_socket();
  int length = 8 + (int)any(24), total = 0;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) total += calls[i].weight;
  for (int done = 0, tried = 0; done < length && tried < 400; tried++) {
    int pick = (int)any((uint32_t)total);
    size_t i = 0;
    while (pick >= calls[i].weight) pick -= calls[i++].weight;
    if (calls[i].call != call_socket && used_number() < 0) continue;
    done += calls[i].call();
  }
  // Reset, so that nothing is left behind.
  for (int i = 0; i < NUMBERS; i++) {
    if (numbers[i].fd < 0) continue;
    struct linger at_once = {1, 0};
    setsockopt(numbers[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(numbers[i].fd);
  }
  for (int i = 0; i < SETS; i++) close(sets[i]);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  static char buffer[1 << 16];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  tracing = strcmp(argv[1], "trace") == 0;
  uint32_t first = (uint32_t)atoi(argv[tracing ? 2 : 1]);
  uint32_t count = tracing ? 1 : (uint32_t)atoi(argv[2]);
  for (seed = first; seed < first + count; seed++) {
    sequence();
    if (!tracing) printf("%u %016llx\n", seed, (unsigned long long)sum);
  }
  return 0;
}
