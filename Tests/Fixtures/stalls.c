// Transfers over loopback, by which it shows whether MPTCP stalls, and what is done about it.
//
//   stalls transfers PROTOCOL COUNT KIND   2 MB each, COUNT times, one after another; prints how
//   often
//                                   MPTCP sent something again. KIND: reads of 4 KiB, a set buffer,
//                                   small writes, TLS-like reads; the listener sends
//   stalls windows                  for each way to connect, what the kernel has for the two ends
//   stalls options                  what getsockopt answers of the options that are made use of
//   stalls confined                 connects and accepts behind a filter that kills for setsockopt

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp_program.h"

// Newer than some C libraries' headers.
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

static int protocol, family = AF_INET;
static struct sockaddr_storage address;
static socklen_t length;

static int get(int fd, int level, int number) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, number, &value, &size) ? -errno : value;
}

// Past the library: what the kernel has.
static int get_raw(int fd, int level, int number) {
  int value = -1;
  socklen_t size = sizeof value;
#ifdef SYS_getsockopt
  return syscall(SYS_getsockopt, fd, level, number, &value, &size) ? -errno : value;
#else
  unsigned long arguments[] = {fd, level, number, (unsigned long)&value, (unsigned long)&size};
  return syscall(SYS_socketcall, 15, arguments) ? -errno : value;
#endif
}

static void set(int fd, int level, int number, int value) {
  if (setsockopt(fd, level, number, &value, sizeof value)) {
    perror("setsockopt");
    exit(1);
  }
}

static int listening(void) {
  int fd = socket(family, SOCK_STREAM, protocol);
  memset(&address, 0, sizeof address);
  address.ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
  }
  length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (fd < 0 || bind(fd, (void *)&address, length)) exit(1);
  return fd;
}

static int connected(int listener) {
  if (getsockname(listener, (void *)&address, &length)) exit(1);
  int fd = socket(family, SOCK_STREAM, protocol);
  if (connect(fd, (void *)&address, length)) exit(1);
  // As many programs do, and by which a supervisor meets the connection.
  if (getsockname(fd, (void *)&(struct sockaddr_storage){0}, &(socklen_t){sizeof address})) exit(1);
  return fd;
}

// --- transfers ---------------------------------------------------------------------------

enum { SIZE = 2000000 };
static size_t written_at_once = 1 << 20;

static void *send_all(void *argument) {
  static char bytes[1 << 20];
  int fd = *(int *)argument;
  for (size_t left = SIZE; left;) {
    ssize_t sent = write(fd, bytes, left < written_at_once ? left : written_at_once);
    if (sent <= 0) exit(1);
    left -= (size_t)sent;
  }
  shutdown(fd, SHUT_WR);
  return NULL;
}

static void transfer(const char *kind) {
  static char bytes[65536];
  bool is_tls = !strcmp(kind, "tls"), is_buffer = !strcmp(kind, "buffer");
  size_t most = is_buffer || !strcmp(kind, "writes") ? sizeof bytes : 4096;
  if (!strcmp(kind, "writes")) written_at_once = 1024;
  int listener = listening();
  if (listen(listener, 1)) exit(1);
  int reader = connected(listener);
  if (is_buffer) set(reader, SOL_SOCKET, SO_RCVBUF, 65536);
  int writer = accept(listener, NULL, NULL);
  pthread_t sender;
  pthread_create(&sender, NULL, send_all, &writer);
  size_t total = 0;
  for (bool is_head = true;; is_head = !is_head) {
    ssize_t part = recv(reader, bytes,
                        !is_tls   ? most
                        : is_head ? 5
                                  : 16384,
                        is_tls ? MSG_WAITALL : 0);
    if (part <= 0) break;
    total += (size_t)part;
  }
  if (total != SIZE) exit(1);
  pthread_join(sender, NULL);
  close(reader), close(writer), close(listener);
}

// MPTCPRetrans of this network namespace.
static long retransmitted(void) {
  static char names[8192], values[8192];
  FILE *file = fopen("/proc/thread-self/net/netstat", "r");
  while (fgets(names, sizeof names, file) && fgets(values, sizeof values, file)) {
    if (strncmp(names, "MPTcpExt:", 9) != 0) continue;
    char *name, *value, *rest = names, *rest2 = values;
    while ((name = strtok_r(rest, " \n", &rest)) && (value = strtok_r(rest2, " \n", &rest2))) {
      if (!strcmp(name, "MPTCPRetrans")) {
        fclose(file);
        return atol(value);
      }
    }
  }
  exit(1);
}

// --- windows -----------------------------------------------------------------------------

static void show_ends(const char *way, int client, int server) {
  const int ends[] = {client, server};
  printf("%s:", way);
  for (int i = 0; i < 2; i++) {
    printf(" %s %s %d", get_raw(ends[i], SOL_SOCKET, SO_RCVBUF) >= 1 << 20 ? "wide" : "narrow",
           get_raw(ends[i], IPPROTO_TCP, TCP_NOTSENT_LOWAT) > 0 ? "limited" : "unlimited",
           get_raw(ends[i], SOL_SOCKET, SO_RCVLOWAT));
  }
  printf("\n");
}

static void connect_by(const char *way, int client) {
  struct iovec one = {"x", 1};
  struct msghdr message = {
      .msg_name = &address, .msg_namelen = length, .msg_iov = &one, .msg_iovlen = 1};
  long result;
  if (!strcmp(way, "sendto")) {
    result = sendto(client, "x", 1, MSG_FASTOPEN, (void *)&address, length);
  } else if (!strcmp(way, "sendmsg")) {
    result = sendmsg(client, &message, MSG_FASTOPEN);
  } else {
    result = connect(client, (void *)&address, length);
  }
  if (result < 0 && errno != EINPROGRESS) {
    perror(way);
    exit(1);
  }
  struct pollfd poller = {client, POLLOUT, 0};
  poll(&poller, 1, 10000);
}

static void windows(void) {
  static const char *const ways[] = {"connect", "waiting", "sendto", "sendmsg"};
  for (int i = 0; i < 2; i++) {
    family = i ? AF_INET6 : AF_INET;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
      int listener = listening();
      if (listen(listener, 1) || getsockname(listener, (void *)&address, &length)) exit(1);
      int client = socket(family, SOCK_STREAM | (way ? SOCK_NONBLOCK : 0), protocol);
      connect_by(ways[way], client);
      int server =
          way & 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : accept(listener, NULL, NULL);
      show_ends(ways[way], client, server);
      // The same number again.
      close(client), close(server), close(listener);
    }
  }
  // A peer that speaks TCP only, on either side.
  family = AF_INET;
  for (int i = 0; i < 2; i++) {
    int listener = i ? listening() : (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    if (!i && bind(listener, (void *)&(struct sockaddr_in){.sin_family = AF_INET}, length)) exit(1);
    if (listen(listener, 1) || getsockname(listener, (void *)&address, &length)) exit(1);
    int client = i ? (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0)
                   : socket(AF_INET, SOCK_STREAM, protocol);
    if (connect(client, (void *)&address, length)) exit(1);
    show_ends(i ? "from TCP" : "to TCP", client, accept(listener, NULL, NULL));
  }
}

// --- options -----------------------------------------------------------------------------

static void show_options(const char *what, int fd) {
  printf("%s: RCVBUF %d BUF_LOCK %d RCVLOWAT %d NOTSENT_LOWAT %d\n", what,
         get(fd, SOL_SOCKET, SO_RCVBUF), get(fd, SOL_SOCKET, SO_BUF_LOCK),
         get(fd, SOL_SOCKET, SO_RCVLOWAT), get(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT));
}

static void options(void) {
  for (int own = 0; own < 2; own++) {
    int listener = listening();
    if (own) set(listener, SOL_SOCKET, SO_RCVLOWAT, 7);
    if (own) set(listener, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 70000);
    if (listen(listener, 1) || getsockname(listener, (void *)&address, &length)) exit(1);
    int client = socket(AF_INET, SOCK_STREAM, protocol);
    if (own) set(client, SOL_SOCKET, SO_RCVLOWAT, 5);
    if (own) set(client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 50000);
    if (connect(client, (void *)&address, length)) exit(1);
    int server = accept(listener, NULL, NULL);
    show_options("listener", listener);
    show_options("client", client);
    show_options("server", server);
    int sizes[] = {0, 1000, 4096, 65536, 262144, 1 << 20, 1 << 30, -1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      set(client, SOL_SOCKET, SO_RCVBUF, sizes[i]);
      show_options("set", client);
    }
    set(server, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4096);
    set(server, SOL_SOCKET, SO_RCVLOWAT, 3);
    show_options("set", server);
    close(client), close(server), close(listener);
  }
}

// --- confined ----------------------------------------------------------------------------

static void confined(void) {
  struct sock_filter steps[] = {LOAD(nr),
#ifdef SYS_setsockopt
                                KILL_FOR(SYS_setsockopt),
#endif
                                ALLOW};
  if (confine_by("prctl", steps, sizeof steps / sizeof *steps)) exit(1);
  int listener = listening();
  if (listen(listener, 1)) exit(1);
  int client = connected(listener);
  int server = accept(listener, NULL, NULL);
  show_ends("confined", client, server);
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  setvbuf(stdout, NULL, _IONBF, 0);
  if (!strcmp(what, "windows")) windows();
  if (!strcmp(what, "options")) options();
  if (!strcmp(what, "confined")) confined();
  if (!strcmp(what, "transfers") && count == 5) {
    protocol = atoi(words[2]);
    long before = retransmitted();
    for (int i = atoi(words[3]); i > 0; i--) transfer(words[4]);
    printf("%ld\n", retransmitted() - before);
  }
  return 0;
}
