// unread WAY PEER [MEGABYTES [PAUSE]]: a reader that goes by FIONREAD, and a writer on the loopback
// whose socket asks for protocol PEER by a call that no library sees. Prints what the reader met.
//
// Edge-triggered, reading as nginx does: a full read makes it ask FIONREAD once, and when as much
// has been read it waits for the next edge. PAUSE microseconds pass before each read.
//   counts     registered once it is connected
//   before     registered before
//   duplicate  registered under one number, read by another
//   forked     registered, then read by a child
//   inherited  registered, then read by a program that inherits set and socket
//   accepted   the reader is the server
//   signal     by SIGIO instead of epoll
//   raw        registered by a call that no library sees
//   turned     registered for levels, then for edges
// The same reader, told of levels:
//   levels     registered once it is connected
//   oneshot    registered anew after each report
// Others:
//   message    level-triggered: poll, until FIONREAD says that a message of 100 KB is there
//   edges      edge-triggered, never reading: how often the set reports half of it, and the rest
//   end        FIONREAD with the end of the stream behind the data, then at the end
//   unused     FIONREAD of a socket that is not connected
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 36864, PATIENCE = 5000, MESSAGE = 100000 };
static char buffer[1 << 20];
static const char *way;
static long wanted, pause_time;

static int is(const char *name) { return strcmp(way, name) == 0; }

static void must(int condition, const char *what) {
  if (condition) return;
  perror(what);
  exit(2);
}

// --- The other end ------------------------------------------------------------------------

static void write_all(int fd, long size) {
  for (long sent = 0; sent < size;) {
    size_t rest = (size_t)(size - sent);
    ssize_t step = send(fd, buffer, rest < sizeof buffer ? rest : sizeof buffer, MSG_NOSIGNAL);
    if (step <= 0) _exit(1);
    sent += step;
  }
}

// Writes what the reader is to see, and stays until it is killed; of `edges` in two parts, the
// second when it is told to by a byte.
static void serve(int fd) {
  char told;
  if (is("edges")) {
    write_all(fd, MESSAGE / 2);
    if (read(fd, &told, 1) == 1) write_all(fd, MESSAGE / 2);
  } else {
    write_all(fd, wanted);
    if (!is("message")) shutdown(fd, SHUT_WR);
  }
  for (;;) pause();
}

static pid_t start_server(int fd) {
  pid_t child = fork();
  if (child) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  serve(fd);
  _exit(0);
}

static struct sockaddr_in listen_at_any_port(int fd) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  must(bind(fd, (void *)&address, length) == 0 && listen(fd, 5) == 0, "listen");
  getsockname(fd, (void *)&address, &length);
  return address;
}

// The reader's socket, connected to a server, and the server.
static int connected(int peer_protocol, int fd, pid_t *server) {
  int other = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, peer_protocol);
  must(other >= 0, "the peer's socket");
  int listener = is("accepted") ? socket(AF_INET, SOCK_STREAM, 0) : other;
  struct sockaddr_in address = listen_at_any_port(listener);
  int client = is("accepted") ? other : fd;
  must(connect(client, (void *)&address, sizeof address) == 0, "connect");
  int accepted = accept(listener, NULL, NULL);
  must(accepted >= 0, "accept");
  int reader = is("accepted") ? accepted : fd;
  *server = start_server(is("accepted") ? client : accepted);
  close(is("accepted") ? client : accepted);
  return reader;
}

// --- Reading as nginx does -------------------------------------------------------------------

struct progress {
  long got;
  int available, ended;
};

// All that may be read after an edge.
static void read_on(int fd, struct progress *progress, int is_over) {
  progress->available = -1;
  for (;;) {
    if (progress->available == 0 && !is_over) return;
    if (pause_time) usleep((unsigned int)pause_time);
    ssize_t step = recv(fd, buffer, CHUNK, MSG_DONTWAIT);
    if (step == 0) progress->ended = 1;
    if (step <= 0) return;
    progress->got += step;
    if (progress->available >= 0) {
      progress->available -= (int)step;
      if (progress->available < 0) progress->available = 0;
    } else if (step == CHUNK) {
      must(ioctl(fd, FIONREAD, &progress->available) == 0, "FIONREAD");
    } else if (!is_over) {
      return;
    }
  }
}

static void registered(int set, int operation, int fd, unsigned int manner) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | manner};
  int failed = is("raw") ? (int)syscall(SYS_epoll_ctl, set, operation, fd, &event)
                         : epoll_ctl(set, operation, fd, &event);
  must(!failed, "epoll_ctl");
}

static void add(int set, int fd) {
  if (is("levels") || is("turned")) registered(set, EPOLL_CTL_ADD, fd, 0);
  if (is("oneshot")) registered(set, EPOLL_CTL_ADD, fd, EPOLLONESHOT);
  if (is("turned")) registered(set, EPOLL_CTL_MOD, fd, EPOLLET);
  if (!is("levels") && !is("turned") && !is("oneshot")) {
    registered(set, EPOLL_CTL_ADD, fd, EPOLLET);
  }
}

static int report(const struct progress *progress) {
  printf("%s after %ld bytes\n", progress->ended ? "ended" : "HANGS", progress->got);
  return !progress->ended;
}

static int read_by_edges(int set, int fd) {
  struct progress progress = {0};
  struct epoll_event event;
  while (!progress.ended && epoll_wait(set, &event, 1, PATIENCE) == 1) {
    read_on(fd, &progress, (event.events & EPOLLRDHUP) != 0);
    if (is("oneshot")) registered(set, EPOLL_CTL_MOD, fd, EPOLLONESHOT);
  }
  return report(&progress);
}

static int read_by_signals(int fd) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGIO);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  struct progress progress = {0};
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
  const struct timespec patience = {PATIENCE / 1000, 0};
  do {
    struct pollfd state = {fd, POLLRDHUP, 0};
    poll(&state, 1, 0);
    read_on(fd, &progress, (state.revents & POLLRDHUP) != 0);
  } while (!progress.ended && sigtimedwait(&signals, NULL, &patience) == SIGIO);
  return report(&progress);
}

// --- Waiting for a whole message --------------------------------------------------------------

static int unread(int fd) {
  int count = -1;
  must(ioctl(fd, FIONREAD, &count) == 0, "FIONREAD");
  return count;
}

static void wait_until_unread(int fd, int count) {
  struct pollfd state = {fd, POLLIN, 0};
  for (int tries = 0; tries < PATIENCE / 5; tries++) {
    must(poll(&state, 1, PATIENCE) == 1, "poll");
    if (unread(fd) >= count) break;
    usleep(5000);
  }
}

static int wait_for_message(int fd) {
  wait_until_unread(fd, MESSAGE);
  printf("%s\n", unread(fd) >= MESSAGE ? "the whole message" : "NEVER whole");
  return unread(fd) < MESSAGE;
}

// How often the set reports a socket from which nothing is read, and to which nothing comes.
static int count_reports(int set, int fd) {
  struct epoll_event event;
  int reports = 0;
  while (epoll_wait(set, &event, 1, 200) == 1 && reports < 100) {
    reports++;
    unread(fd);
  }
  return reports;
}

// Edges may come together or one by one, so what is printed is whether there were too many.
static int count_edges(int set, int fd) {
  wait_until_unread(fd, MESSAGE / 2);
  int halves[2];
  halves[0] = count_reports(set, fd);
  must(write(fd, "", 1) == 1, "write");
  wait_until_unread(fd, MESSAGE);
  halves[1] = count_reports(set, fd);
  int few = halves[0] > 0 && halves[1] > 0 && halves[0] < 10 && halves[1] < 10;
  if (few) {
    printf("few reports\n");
  } else {
    printf("reports: %d, %d\n", halves[0], halves[1]);
  }
  return !few;
}

static int count_at_end(int fd) {
  struct pollfd state = {fd, POLLRDHUP, 0};
  must(poll(&state, 1, PATIENCE) == 1, "poll");
  printf("before the end: %d\n", unread(fd));
  printf("read: %zd\n", recv(fd, buffer, (size_t)wanted - 1, MSG_WAITALL));
  printf("of the last byte: %d\n", unread(fd));
  printf("read: %zd\n", recv(fd, buffer, sizeof buffer, 0));
  printf("at the end: %d\n", unread(fd));
  printf("read: %zd\n", recv(fd, buffer, sizeof buffer, 0));
  return 0;
}

// --- Which of them -----------------------------------------------------------------------------

// The program again, for a set and a socket that it inherits.
static int again(int set, int fd, char **words) {
  char numbers[2][12];
  snprintf(numbers[0], sizeof numbers[0], "%d", set);
  snprintf(numbers[1], sizeof numbers[1], "%d", fd);
  char pause_text[12];
  snprintf(pause_text, sizeof pause_text, "%ld", pause_time);
  execl("/proc/self/exe", words[0], "set", numbers[0], numbers[1], pause_text, (char *)NULL);
  return 2;
}

static int read_registered(int set, int fd, char **words) {
  if (is("inherited")) return again(set, fd, words);
  if (is("forked")) {
    pid_t child = fork();
    if (!child) {
      int status = read_by_edges(set, fd);
      fflush(stdout);
      _exit(status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }
  return read_by_edges(set, is("duplicate") ? dup(fd) : fd);
}

int main(int count, char **words) {
  if (count < 3) return 64;
  way = words[1];
  if (is("set")) {
    pause_time = atol(words[4]);
    return read_by_edges(atoi(words[2]), atoi(words[3]));
  }
  wanted = is("message") ? MESSAGE : is("end") ? 50000 : 1 << 20;
  if (count > 3) wanted = atol(words[3]) << 20;
  if (count > 4) pause_time = atol(words[4]);
  int fd = socket(AF_INET, SOCK_STREAM, 0), set = epoll_create1(0);
  if (is("unused")) {
    printf("%d\n", unread(fd));
    return 0;
  }
  if (is("before")) add(set, fd);
  pid_t server;
  int reader = connected(atoi(words[2]), fd, &server);
  int status;
  if (is("signal")) {
    status = read_by_signals(reader);
  } else if (is("message")) {
    status = wait_for_message(reader);
  } else if (is("end")) {
    status = count_at_end(reader);
  } else {
    if (!is("before")) add(set, reader);
    status = is("edges") ? count_edges(set, reader) : read_registered(set, reader, words);
  }
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return status;
}
