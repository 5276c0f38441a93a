// Exercises what mends socket options: the same lines over plain TCP and under the preload
// library, but for those that begin with "protocol". One name per behaviour as argument; without
// one, all of them. With a second argument the program asks for MPTCP by itself.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int protocol;  // of all sockets

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void show(const char *what, long result) {
  if (result < 0)
    printf("%s: %s\n", what, strerrorname_np(errno));
  else
    printf("%s: %ld\n", what, result);
}

static int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

static int get(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, name, &value, &length) ? -1 : value;
}

static void show_protocol(const char *what, int fd) {
  printf("protocol of %s: %d\n", what, get(fd, SOL_SOCKET, SO_PROTOCOL));
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port)};
}

static int port_of(int fd) {
  struct sockaddr_in address = {0};
  socklen_t length = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &length);
  return ntohs(address.sin_port);
}

static int listening(void) {
  int fd = socket(AF_INET, SOCK_STREAM, protocol);
  struct sockaddr_in address = loopback(0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8)) {
    perror("listen");
    exit(1);
  }
  return fd;
}

static int connect_to(int fd, int server) {
  struct sockaddr_in address = loopback(port_of(server));
  return connect(fd, (struct sockaddr *)&address, sizeof address);
}

struct connection {
  int server, client, accepted;
};

static struct connection connection(void) {
  struct connection made = {.server = listening(),
                            .client = socket(AF_INET, SOCK_STREAM, protocol)};
  char byte = 'x';
  if (connect_to(made.client, made.server)) perror("connect");
  made.accepted = accept(made.server, NULL, NULL);
  if (write(made.client, &byte, 1) != 1 || read(made.accepted, &byte, 1) != 1 ||
      write(made.accepted, &byte, 1) != 1 || read(made.client, &byte, 1) != 1)
    perror("first byte");
  return made;
}

static void end(struct connection made) {
  close(made.client);
  close(made.accepted);
  close(made.server);
}

// --- Ignored options ----------------------------------------------------------------

static void ignored(void) {
  static const struct {
    const char *name;
    int level, option, value;
  } options[] = {
      {"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, 0},
      {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 3},
      {"TCP_SYNCNT 500", IPPROTO_TCP, TCP_SYNCNT, 500},
      {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 7},
      {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, 32768},
      {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 5},
      {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
      {"IP_MTU_DISCOVER 77", IPPROTO_IP, IP_MTU_DISCOVER, 77},
      {"IP_RECVERR off", IPPROTO_IP, IP_RECVERR, 0},
      {"IPV6_TCLASS on AF_INET", IPPROTO_IPV6, IPV6_TCLASS, 16},
      {"option 250", IPPROTO_TCP, 250, 1},
  };
  // The library takes it for harmless until there is a connection.
  int early = socket(AF_INET, SOCK_STREAM, protocol);
  for (int i = 0; i < 3; i++)
    show("SO_REUSEADDR before a connection", set(early, SOL_SOCKET, SO_REUSEADDR, i));
  close(early);
  struct connection made = connection();
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    errno = ERANGE;
    int result = set(made.client, options[i].level, options[i].option, options[i].value);
    show(options[i].name, result);
    if (result == 0) printf("  errno %s\n", strerrorname_np(errno));
    show("  reads", get(made.client, options[i].level, options[i].option));
    int copy = dup(made.client);
    show("  reads, as a duplicate", get(copy, options[i].level, options[i].option));
    close(copy);
  }
  show("SO_REUSEADDR when connected", set(made.client, SOL_SOCKET, SO_REUSEADDR, 1));
  show("  reads", get(made.client, SOL_SOCKET, SO_REUSEADDR));
  show("SO_REUSEPORT when accepted", set(made.accepted, SOL_SOCKET, SO_REUSEPORT, 1));
  show("short value", setsockopt(made.client, IPPROTO_TCP, TCP_QUICKACK, "", 1));
  show("null value", setsockopt(made.client, IPPROTO_TCP, TCP_QUICKACK, NULL, 4));
  show("IP_MTU", get(made.client, IPPROTO_IP, IP_MTU) > 1000);
  int mark = -1;
  show("SIOCATMARK", ioctl(made.client, SIOCATMARK, &mark));
  printf("  mark %d, sockatmark %d\n", mark, sockatmark(made.client));
  show("SIOCATMARK of a pipe", ioctl(STDOUT_FILENO, SIOCATMARK, &mark));
  end(made);
  int fresh = socket(AF_INET, SOCK_STREAM, protocol);
  show("IP_MTU, unconnected", get(fresh, IPPROTO_IP, IP_MTU));
  show("a new socket's TCP_QUICKACK", get(fresh, IPPROTO_TCP, TCP_QUICKACK));
  close(fresh);
}

// --- Adjusted options -----------------------------------------------------------------

static void *send_two_megabytes(void *argument) {
  static char bytes[65536];
  int fd = *(int *)argument;
  for (int left = 2 << 20; left > 0;) {
    ssize_t sent = write(fd, bytes, sizeof bytes);
    if (sent <= 0) break;
    left -= (int)sent;
  }
  shutdown(fd, SHUT_WR);
  return NULL;
}

// What a timer or a stall delays is late always; on a busy machine anything is, sometimes.
enum { ATTEMPTS = 10 };

static bool transfers_late(int size, int *shown, long *total) {
  struct connection made = {.server = listening(),
                            .client = socket(AF_INET, SOCK_STREAM, protocol)};
  set(made.client, SOL_SOCKET, SO_RCVBUF, size);
  *shown = get(made.client, SOL_SOCKET, SO_RCVBUF);
  connect_to(made.client, made.server);
  made.accepted = accept(made.server, NULL, NULL);
  pthread_t sender;
  double start = now();
  pthread_create(&sender, NULL, send_two_megabytes, &made.accepted);
  static char bytes[65536];
  *total = 0;
  for (ssize_t part; (part = read(made.client, bytes, sizeof bytes)) > 0;) *total += part;
  bool late = now() - start >= 1;
  pthread_join(sender, NULL);
  end(made);
  return late;
}

static void small_buffer(void) {
  for (int size = 1024; size <= 131072; size *= 4) {
    long total;
    int shown;
    bool late = true;
    for (int i = 0; late && i < ATTEMPTS; i++) late = transfers_late(size, &shown, &total);
    printf("SO_RCVBUF %d reads %d\n  %ld bytes, %s\n", size, shown, total, late ? "late" : "soon");
  }
}

// Milliseconds until the peer has the `total` bytes, 800, that were written corked; and the
// child's exit status.
static double corked_once(void finish(int fd), ssize_t *total, int *status) {
  struct connection made = connection();
  pid_t child = fork();
  if (child == 0) {
    char bytes[500] = "";
    close(made.client);
    close(made.server);
    set(made.accepted, IPPROTO_TCP, TCP_CORK, 1);
    if (write(made.accepted, bytes, 300) != 300 || write(made.accepted, bytes, 500) != 500)
      _exit(1);
    finish(made.accepted);
    _exit(0);
  }
  close(made.accepted);
  char bytes[800];
  double start = now();
  *total = 0;
  for (ssize_t part; *total < 800 && (part = read(made.client, bytes, sizeof bytes)) > 0;)
    *total += part;
  double milliseconds = (now() - start) * 1e3;
  waitpid(child, status, 0);
  close(made.client);
  close(made.server);
  return milliseconds;
}

static void corked(const char *what, void finish(int fd)) {
  ssize_t total = 0;
  int status = 0;
  bool late = true;
  for (int i = 0; late && i < ATTEMPTS; i++) late = corked_once(finish, &total, &status) >= 100;
  printf("corked, then %s: %zd bytes, %s, NODELAY %d\n", what, total, late ? "late" : "at once",
         WEXITSTATUS(status));
}

static void uncork(int fd) {
  set(fd, IPPROTO_TCP, TCP_CORK, 0);
  int nodelay = get(fd, IPPROTO_TCP, TCP_NODELAY);
  usleep(250000);
  _exit(nodelay);
}
static void uncork_undelayed(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  uncork(fd);
}
static void close_it(int fd) {
  close(fd);
  usleep(250000);
}
static void shut_it(int fd) {
  shutdown(fd, SHUT_WR);
  usleep(250000);
}
static void replace_it(int fd) {
  dup2(STDOUT_FILENO, fd);
  usleep(250000);
}
static void exit_now(int fd) { (void)fd; }
static void close_stream(int fd) {
  fclose(fdopen(fd, "w"));
  usleep(250000);
}

static void cork(void) {
  corked("uncorked", uncork);
  corked("uncorked with TCP_NODELAY", uncork_undelayed);
  corked("closed", close_it);
  corked("closed as a stream", close_stream);
  corked("shut down", shut_it);
  corked("replaced", replace_it);
  corked("ended", exit_now);
}

// --- Demotion ----------------------------------------------------------------------------

static void demoted(void) {
  int server = listening();
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  struct timeval timeout = {3, 0};
  struct linger linger = {1, 4};
  struct sockaddr_in address = loopback(0);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 33);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
  set(fd, IPPROTO_TCP, TCP_LINGER2, 9);
  set(fd, SOL_SOCKET, SO_RCVBUF, 20000);
  set(fd, SOL_SOCKET, SO_SNDBUF, 30000);
  set(fd, IPPROTO_IP, IP_TOS, 16);
  set(fd, SOL_SOCKET, SO_PRIORITY, 3);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  show("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
  int port = port_of(fd), copy = dup(fd), epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u64 = 0x1122334455667788};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  show_protocol("the socket before", fd);
  show("SO_MAX_PACING_RATE", set(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 12345678));
  show_protocol("the socket after", fd);
  show_protocol("its duplicate", copy);
  for (int i = 0; i < 2; i++) {
    int one = i ? copy : fd;
    printf(
        "MAX_PACING_RATE %d, KEEPALIVE %d, KEEPIDLE %d, NODELAY %d, LINGER2 %d, RCVBUF %d, "
        "SNDBUF %d, TOS %d, PRIORITY %d, port %s, flags %#x, cloexec %d\n",
        get(one, SOL_SOCKET, SO_MAX_PACING_RATE), get(one, SOL_SOCKET, SO_KEEPALIVE),
        get(one, IPPROTO_TCP, TCP_KEEPIDLE), get(one, IPPROTO_TCP, TCP_NODELAY),
        get(one, IPPROTO_TCP, TCP_LINGER2), get(one, SOL_SOCKET, SO_RCVBUF),
        get(one, SOL_SOCKET, SO_SNDBUF), get(one, IPPROTO_IP, IP_TOS),
        get(one, SOL_SOCKET, SO_PRIORITY), port_of(one) == port ? "kept" : "lost",
        (unsigned)fcntl(one, F_GETFL), fcntl(one, F_GETFD));
  }
  char congestion[16] = "";
  socklen_t length = sizeof congestion;
  getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
  length = sizeof linger;
  memset(&linger, 0, sizeof linger);
  getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
  printf("congestion %s, linger %d %d, REUSEADDR %d\n", congestion, linger.l_onoff, linger.l_linger,
         get(fd, SOL_SOCKET, SO_REUSEADDR));
  int result = connect_to(fd, server);
  if (result && errno != EINPROGRESS) show("connect", result);
  struct epoll_event found = {0};
  int ready = epoll_wait(epoll, &found, 1, 2000);
  printf("epoll %d, data %s, events %s\n", ready,
         found.data.u64 == 0x1122334455667788 ? "kept" : "lost",
         found.events & EPOLLOUT ? "writable" : "other");
  int accepted = accept(server, NULL, NULL);
  show("accepted from the same port", accepted >= 0);
  close(accepted);
  close(fd);
  close(copy);
  close(epoll);
  close(server);
}

static void not_demoted(void) {
  struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0xffffffff}};
  struct sock_fprog filter = {1, code};
  int fd = socket(AF_INET, SOCK_STREAM, protocol);
  show("bad value", set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -5));
  show("TTL 0", set(fd, IPPROTO_IP, IP_TTL, 0));
  show("default TTL", set(fd, IPPROTO_IP, IP_TTL, 64));
  show("no minimum TTL", set(fd, IPPROTO_IP, IP_MINTTL, 0));
  show_protocol("the untouched socket", fd);
  show("filter", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
  show_protocol("the filtered socket", fd);
  close(fd);
  struct connection made = connection();
  show("TCP_USER_TIMEOUT, connected", set(made.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000));
  show("  reads", get(made.client, IPPROTO_TCP, TCP_USER_TIMEOUT));
  show_protocol("the connected socket", made.client);
  show("still connected", send(made.client, "x", 1, 0));
  end(made);
  // A listener that wants plain TCP from the start.
  int server = socket(AF_INET6, SOCK_STREAM, protocol), port = 0;
  struct sockaddr_in6 any = {.sin6_family = AF_INET6};
  set(server, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  show("bind ::", bind(server, (struct sockaddr *)&any, sizeof any));
  show("TCP_SAVE_SYN", set(server, IPPROTO_TCP, TCP_SAVE_SYN, 1));
  show("listen", listen(server, 4));
  socklen_t length = sizeof any;
  getsockname(server, (struct sockaddr *)&any, &length);
  port = ntohs(any.sin6_port);
  int client = socket(AF_INET, SOCK_STREAM, protocol);
  struct sockaddr_in address = loopback(port);
  show("connect over IPv4", connect(client, (struct sockaddr *)&address, sizeof address));
  int accepted = accept(server, NULL, NULL);
  char syn[128];
  length = sizeof syn;
  show("TCP_SAVED_SYN", getsockopt(accepted, IPPROTO_TCP, TCP_SAVED_SYN, syn, &length) || !length);
  close(accepted);
  close(client);
  close(server);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } behaviours[] = {{"ignored", ignored},
                    {"small-buffer", small_buffer},
                    {"cork", cork},
                    {"demoted", demoted},
                    {"not-demoted", not_demoted}};
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGPIPE, SIG_IGN);
  alarm(600);  // a stalled transfer never ends; under emulation, forty good ones take minutes
  if (argc > 2) protocol = 262;
  for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
    if (argc < 2 || strcmp(argv[1], behaviours[i].name) == 0) behaviours[i].run();
  return 0;
}
