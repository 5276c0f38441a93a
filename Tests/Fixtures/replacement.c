// Sockets that have to be TCP, because of an option, in surroundings where a replacement could be
// noticed. Prints the same over TCP and under the preload library.
//
//   replacement NAME [at-once]   one behaviour; a line for each thing that a program can see
//
// The option makes a socket TCP when it connects or listens; `at-once`: another one, at once.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT = 4321, SHORT = 50, LONG = 5000 };

static bool at_once;

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
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) ? -errno : value;
}

static int listener(struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t size = sizeof *address;
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  bind(fd, (struct sockaddr *)address, size);
  listen(fd, 8);
  getsockname(fd, (struct sockaddr *)address, &size);
  return fd;
}

static int connect_to(int fd, const struct sockaddr_in *address) {
  return connect(fd, (const struct sockaddr *)address, sizeof *address);
}

static int ask_quietly(int fd) {
  return at_once ? set(fd, IPPROTO_IP, IP_MINTTL, 1)
                 : set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TIMEOUT);
}

static void ask(int fd) {
  show("option", ask_quietly(fd));
  printf("  reads %d\n",
         at_once ? get(fd, IPPROTO_IP, IP_MINTTL) : get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

static pid_t holder(void) {
  pid_t child = fork();
  if (child) return child;
  for (;;) pause();
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static int register_in(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(epoll, operation, fd, &event);
}

static void show_events(const char *what, int epoll, int milliseconds) {
  struct epoll_event events[8];
  int count = epoll_wait(epoll, events, 8, milliseconds);
  printf("%s: %d events", what, count);
  for (int i = 0; i < count; i++)
    printf(" %#x %#llx", events[i].events, (unsigned long long)events[i].data.u64);
  printf("\n");
}

// --- epoll ----------------------------------------------------------------------------------

static void set_shared(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  register_in(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 0xabcd);
  pid_t child = holder();
  ask(fd);
  show("connect", connect_to(fd, &address));
  show("protocol", get(fd, SOL_SOCKET, SO_PROTOCOL));
  int accepted = accept(server, NULL, NULL);
  show_events("while nothing happens", epoll, SHORT);
  send(accepted, "x", 1, 0);
  show_events("with data", epoll, LONG);
  show("EPOLL_CTL_DEL", epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
  close(fd);
  show_events("after it was closed", epoll, SHORT);
  end(child);
}

static void set_one_shot(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  register_in(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 1);
  show_events("before it is connected", epoll, LONG);
  ask(fd);
  show_events("once it has fired", epoll, SHORT);
  show("connect", connect_to(fd, &address));
  int accepted = accept(server, NULL, NULL);
  send(accepted, "x", 1, 0);
  show_events("with data", epoll, SHORT);
  show("EPOLL_CTL_MOD", register_in(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 2));
  show_events("armed again", epoll, LONG);
  show_events("and fired", epoll, SHORT);
}

static void set_stale(bool is_taken) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  int copy = fcntl(fd, F_DUPFD, 50);
  register_in(epoll, EPOLL_CTL_ADD, copy, EPOLLIN, 7);
  register_in(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 8);
  close(copy);
  int file = is_taken ? fcntl(STDIN_FILENO, F_DUPFD, copy) : -1;
  ask(fd);
  if (is_taken) show("the other file", fcntl(file, F_GETFL) == fcntl(STDIN_FILENO, F_GETFL));
  show("connect", connect_to(fd, &address));
  int accepted = accept(server, NULL, NULL);
  show_events("while nothing happens", epoll, SHORT);
  send(accepted, "x", 1, 0);
  struct epoll_event events[4];
  int count = epoll_wait(epoll, events, 4, LONG);
  unsigned seen = 0;
  for (int i = 0; i < count; i++) seen |= 1u << events[i].data.u64;
  printf("with data: %d events, %#x\n", count, seen);
  close(fd);
  show_events("after it was closed", epoll, SHORT);
}

static void set_of_a_closed_number(void) { set_stale(false); }
static void set_of_a_taken_number(void) { set_stale(true); }

// More duplicates, or registrations, than can be kept in mind.
static void many(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0), epolls[40], copies[40];
  for (int i = 0; i < 40; i++) {
    copies[i] = dup(fd);
    epolls[i] = epoll_create1(0);
    register_in(epolls[i], EPOLL_CTL_ADD, copies[i], EPOLLIN, (uint64_t)i);
  }
  ask(fd);
  ask(copies[39]);
  show("connect", connect_to(copies[20], &address));
  int accepted = accept(server, NULL, NULL), reported = 0, same = 0;
  send(accepted, "x", 1, 0);
  for (int i = 0; i < 40; i++) {
    struct epoll_event event;
    reported += epoll_wait(epolls[i], &event, 1, LONG) == 1 && event.data.u64 == (uint64_t)i;
    same += get(copies[i], IPPROTO_TCP, TCP_USER_TIMEOUT) == TIMEOUT;
  }
  printf("reported %d, same %d\n", reported, same);
}

// --- Addresses ------------------------------------------------------------------------------

static void bound_in(int family, int reuse, bool child_listens) {
  printf("family %d, option %d, by the %s\n", family, reuse, child_listens ? "child" : "parent");
  struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
  socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  int fd = socket(family, SOCK_STREAM, 0);
  if (reuse) set(fd, SOL_SOCKET, reuse, 1);
  show("bind", bind(fd, (struct sockaddr *)&address, size));
  getsockname(fd, (struct sockaddr *)&address, &size);
  fflush(stdout);
  pid_t child = child_listens ? fork() : holder();
  if (child_listens && child) {
    waitpid(child, NULL, 0);
    close(fd);
    return;
  }
  ask(fd);
  show("listen", listen(fd, 4));
  show("SO_REUSEADDR", get(fd, SOL_SOCKET, SO_REUSEADDR));
  int client = socket(family, SOCK_STREAM, 0);
  show("connect", connect(client, (struct sockaddr *)&address, size));
  show("accept", accept(fd, NULL, NULL) >= 0);
  int other = socket(family, SOCK_STREAM, 0);
  set(other, SOL_SOCKET, SO_REUSEADDR, 1);
  show("bind of another", bind(other, (struct sockaddr *)&address, size));
  fflush(stdout);
  if (child_listens) _exit(0);
  end(child);
  close(other), close(client), close(fd);
}

static void bound(void) {
  static const int families[] = {AF_INET, AF_INET6}, options[] = {0, SO_REUSEADDR, SO_REUSEPORT};
  for (int i = 0; i < 12; i++) bound_in(families[i & 1], options[i / 4], i & 2);
}

// A program that decides who gets a connection asks for it on a socket that is bound already.
static void group(void) {
  struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  struct sock_fprog filter = {1, code};
  struct sockaddr_in any = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  show("bind", bind(fd, (struct sockaddr *)&any, sizeof any));
  show("program", setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter));
  show("listen", listen(fd, 4));
}

static void buffers(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  show("SO_SNDBUF", set(fd, SOL_SOCKET, SO_SNDBUF, 30000));
  show("SO_RCVBUF", set(fd, SOL_SOCKET, SO_RCVBUF, 2000));
  ask(fd);
  printf("sizes %d %d\n", get(fd, SOL_SOCKET, SO_SNDBUF), get(fd, SOL_SOCKET, SO_RCVBUF));
  printf("chosen %d\n", get(fd, SOL_SOCKET, SO_BUF_LOCK));
  int other = socket(AF_INET, SOCK_STREAM, 0);
  ask(other);
  printf("chosen %d\n", get(other, SOL_SOCKET, SO_BUF_LOCK));
}

// --- Signals --------------------------------------------------------------------------------

static volatile sig_atomic_t signalled = -1;

static void note(int signal, siginfo_t *information, void *context) {
  (void)signal, (void)context;
  signalled = information->si_fd;
}

static void asynchronous(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN + 3, &action, NULL);
  fcntl(fd, F_SETSIG, SIGRTMIN + 3);
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETFL, O_ASYNC);
  ask(fd);
  printf("flags %#x signal %d owner %d\n", (unsigned)fcntl(fd, F_GETFL), fcntl(fd, F_GETSIG),
         fcntl(fd, F_GETOWN) == getpid());
  show("connect", connect_to(fd, &address));
  int accepted = accept(server, NULL, NULL);
  signalled = -1;
  send(accepted, "x", 1, 0);
  for (int i = 0; i < 5000 && signalled < 0; i++) usleep(1000);
  printf("signalled by the socket: %d\n", signalled == fd);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  printf("blocked %d\n", sigismember(&mask, SIGTERM));
}

// --- Limits ---------------------------------------------------------------------------------

static void limited(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
  int high = fcntl(fd, F_DUPFD, 200), epoll = epoll_create1(0);
  register_in(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 5);
  int free = dup(fd);
  close(free);
  for (int left = 0; left < 4; left++) {
    struct rlimit limit = {(rlim_t)(free + left), 1024};
    setrlimit(RLIMIT_NOFILE, &limit);
    ask(high);
    printf("the same: %d, %d\n", get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
           get(fd, SOL_SOCKET, SO_PROTOCOL) == get(high, SOL_SOCKET, SO_PROTOCOL));
  }
  struct rlimit limit = {1024, 1024};
  setrlimit(RLIMIT_NOFILE, &limit);
  show("next", dup(0) == free);
  show("connect", connect_to(high, &address));
  send(accept(server, NULL, NULL), "x", 1, 0);
  show_events("with data", epoll, LONG);
}

// As root only, as what follows.
static void elsewhere(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
  show("another network", unshare(CLONE_NEWNET));
  ask(fd);
  show("connect", connect_to(fd, &address));
  show("accept", accept(server, NULL, NULL) >= 0);
}

static void without_proc(void) {
  struct sockaddr_in address;
  int server = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  register_in(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 9);
  char folder[] = "/tmp/replacement-XXXXXX";
  show("folder", mkdtemp(folder) != NULL);
  show("chroot", chroot(folder));
  rmdir(folder);
  ask(fd);
  show("connect", connect_to(fd, &address));
  send(accept(server, NULL, NULL), "x", 1, 0);
  show_events("with data", epoll, LONG);
}

// --- Others that give numbers away ------------------------------------------------------------

static struct { atomic_int given, round, stop, lost; } * between;

// Closes the duplicates that it is given, and opens a file of its own, which has to stay one.
static int give_away(void *unused) {
  (void)unused;
  unsigned seed = 1;
  while (!between->stop) {
    int fd = atomic_exchange(&between->given, -1);
    if (fd < 0) continue;
    for (volatile int i = rand_r(&seed) % 100000; i > 0; i--) continue;
    close(fd);
    int file = open("/proc/self/exe", O_RDONLY);
    while (between->round != 1 && !between->stop) continue;
    struct stat status;
    if (fstat(file, &status) || !S_ISREG(status.st_mode)) between->lost++;
    close(file);
    between->round = 2;
  }
  return 0;
}

static void *give_away_in_thread(void *unused) {
  give_away(NULL);
  return unused;
}

static void take(int rounds) {
  for (int i = 0; i < rounds; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), copy = dup(fd);
    between->round = 0;
    between->given = copy;
    ask_quietly(fd);
    struct sockaddr_in any = {.sin_family = AF_INET};
    if (!at_once) connect_to(fd, &any);
    between->round = 1;
    while (between->round != 2) continue;
    close(fd);
  }
  between->stop = 1;
  printf("lost %d\n", between->lost);
}

static void beside_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, give_away_in_thread, NULL);
  take(500);
  pthread_join(thread, NULL);
}

static void beside_process(void) {
  static char stack[1 << 16];
  pid_t child = clone(give_away, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL);
  take(500);
  waitpid(child, NULL, 0);
}

static void beside_raw_process(void) {
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (!child) _exit(give_away(NULL));
  take(500);
  waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } behaviours[] = {{"shared-set", set_shared},
                    {"one-shot", set_one_shot},
                    {"closed-number", set_of_a_closed_number},
                    {"taken-number", set_of_a_taken_number},
                    {"many", many},
                    {"bound", bound},
                    {"group", group},
                    {"buffers", buffers},
                    {"asynchronous", asynchronous},
                    {"limited", limited},
                    {"elsewhere", elsewhere},
                    {"without-proc", without_proc},
                    {"thread", beside_thread},
                    {"process", beside_process},
                    {"raw-process", beside_raw_process}};
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  alarm(300);
  at_once = argc > 2 && strcmp(argv[2], "at-once") == 0;
  between = mmap(NULL, sizeof *between, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  between->given = -1;
  for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
    if (argc < 2 || strcmp(argv[1], behaviours[i].name) == 0) behaviours[i].run();
  return 0;
}
