// An option for which a socket is replaced by plain TCP, set while one system call fails, then the
// next one, and so on: once alone, once with all others of its kind. Whatever fails, the socket is
// replaced as a whole, or all is as it was and the option is refused.
//
//   replace_faults [SCENARIO]   a line for each scenario, and one for each fault that left a trace
//
// Where there are rules (MPTCPIZE_POLICY), the socket is replaced because it connects: to the
// broadcast address, which is refused before anything changes.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { MPTCP = 262, DISTANCE = 250, NUMBERS = 40, OTHER = 33, STALE = 35 };

// --- What the program can see -------------------------------------------------------------

enum { PLACES = 64, SIZE = 1 << 14 };

static char state[SIZE];
static size_t length;
static int first;  // the socket's own number
static bool by_rule;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  va_list list;
  va_start(list, format);
  length += (size_t)vsnprintf(state + length, SIZE - length, format, list);
  va_end(list);
}

static ino_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) ? 0 : status.st_ino;
}

static int get(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) ? -errno : value;
}

static void say_socket(int fd) {
  struct sockaddr_in6 address = {0};
  socklen_t size = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &size);
  say("%d: bound %d %d", fd, address.sin6_family, ntohs(address.sin6_port));
  say(" REUSEADDR %d KEEPALIVE %d RCVBUF %d SNDBUF %d LINGER2 %d KEEPIDLE %d NODELAY %d TOS %d",
      get(fd, SOL_SOCKET, SO_REUSEADDR), get(fd, SOL_SOCKET, SO_KEEPALIVE),
      get(fd, SOL_SOCKET, SO_RCVBUF), get(fd, SOL_SOCKET, SO_SNDBUF),
      get(fd, IPPROTO_TCP, TCP_LINGER2), get(fd, IPPROTO_TCP, TCP_KEEPIDLE),
      get(fd, IPPROTO_TCP, TCP_NODELAY), get(fd, IPPROTO_IP, IP_TOS));
  struct f_owner_ex owner = {0};
  fcntl(fd, F_GETOWN_EX, &owner);
  say(" flags %#x %#x signal %d owner %d\n", (unsigned)fcntl(fd, F_GETFL),
      (unsigned)fcntl(fd, F_GETFD), fcntl(fd, F_GETSIG), owner.pid != 0);
}

static int compare(const void *one, const void *other) { return strcmp(one, other); }

// What is registered in an epoll set; and what a level-triggered one reports.
static void say_set(int fd) {
  char path[64], lines[32][64], *line = NULL;
  size_t capacity = 0, count = 0;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *file = fopen(path, "r");
  bool is_level = true;
  while (file && getline(&line, &capacity, file) > 0) {
    int number;
    unsigned events;
    unsigned long long data, inode;
    if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx", &number, &events, &data,
               &inode) != 4)
      continue;
    is_level &= !(events & (EPOLLET | EPOLLONESHOT));
    snprintf(lines[count++], sizeof *lines, " %d %#x %llx %s", number, events, data,
             inode == inode_of(first) ? "ours" : "another's");
  }
  free(line);
  if (file) fclose(file);
  struct epoll_event events[16];
  for (int i = is_level ? epoll_wait(fd, events, 16, 0) : 0; i-- > 0;)
    snprintf(lines[count++], sizeof *lines, " reports %#x %llx", events[i].events,
             (unsigned long long)events[i].data.u64);
  qsort(lines, count, sizeof *lines, compare);
  say("%d: set", fd);
  for (size_t i = 0; i < count; i++) say("%s", lines[i]);
  say("\n");
}

// Everything that may not have changed.
static const char *look(void) {
  static char result[SIZE];
  length = 0;
  for (int fd = 3; fd < PLACES; fd++) {
    struct stat status;
    if (fstat(fd, &status)) continue;
    if (status.st_ino == inode_of(first) && S_ISSOCK(status.st_mode))
      say_socket(fd);
    else if (!(status.st_mode & S_IFMT))
      say_set(fd);
    else
      say("%d: another file %ld\n", fd, (long)status.st_ino);
  }
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  for (int i = 1; i < 32; i++) say("%d", sigismember(&mask, i));
  memcpy(result, state, sizeof result);
  return result;
}

// --- Scenarios ------------------------------------------------------------------------------

static int in_flight[2];

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

static void make(void) {
  first = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  set_int(first, SOL_SOCKET, SO_KEEPALIVE, 1);
  // Values that the library keeps, of which sockets that it takes for fresh have none.
  if (!by_rule) set_int(first, SOL_SOCKET, SO_RCVBUF, 20000);
  if (!by_rule) set_int(first, IPPROTO_TCP, TCP_LINGER2, 9);
  set_int(first, IPPROTO_TCP, TCP_KEEPIDLE, 33);
  set_int(first, IPPROTO_IP, IP_TOS, 16);
}

static void bind_it(void) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(first, (struct sockaddr *)&any, sizeof any)) perror("bind");
}

static void duplicate(void) {
  dup2(first, NUMBERS);
  fcntl(first, F_DUPFD_CLOEXEC, NUMBERS);
}

static int register_in(int set, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void one_set(void) {
  register_in(epoll_create1(0), first, EPOLLIN | EPOLLRDHUP, 0x1122334455667788);
}

static void sets(void) {
  int one = epoll_create1(0), two = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create1(0);
  register_in(one, first, EPOLLIN, 0x1122334455667788);
  register_in(two, first, EPOLLOUT | EPOLLET, 2);
  register_in(outer, one, EPOLLIN, 3);
  dup(two);  // the same set twice
}

static void one_shot(void) {
  register_in(epoll_create1(0), first, EPOLLIN | EPOLLONESHOT, 1);
  register_in(epoll_create1(0), first, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, 2);
}

static void fired(void) {
  struct epoll_event event;
  int set = epoll_create1(0);
  register_in(set, first, EPOLLIN | EPOLLONESHOT, 1);
  epoll_wait(set, &event, 1, 0);
}

static void numbers_in_set(void) {
  int set = epoll_create1(0);
  register_in(set, first, EPOLLIN, 1);
  register_in(set, NUMBERS, EPOLLIN, 2);
}

// Registered under a number that was closed since, or is another file's by now.
static void stale(void) {
  int set = epoll_create1(0);
  dup2(first, STALE);
  register_in(set, STALE, EPOLLIN, 1);
  close(STALE);
}

static void taken(void) {
  stale();
  dup2(STDIN_FILENO, STALE);
}

static void taken_by_socket(void) {
  stale();
  int other = socket(AF_UNIX, SOCK_STREAM, 0);
  dup3(other, STALE, O_CLOEXEC);
  close(other);
}

static void asynchronous(void) {
  fcntl(first, F_SETSIG, SIGUSR2);
  fcntl(first, F_SETOWN, getpid());
  fcntl(first, F_SETFL, O_ASYNC | O_NONBLOCK);
}

// As another process would have it: on its way to one.
static void share(void) {
  int set = epoll_create1(0);
  register_in(set, first, EPOLLIN, 1);
  socketpair(AF_UNIX, SOCK_STREAM, 0, in_flight);
  dup2(in_flight[0], OTHER);
  char control[CMSG_SPACE(sizeof(int[2]))] = {0};
  struct msghdr message = {.msg_iov = &(struct iovec){"x", 1},
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){CMSG_LEN(sizeof(int[2])), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(header), (int[]){first, set}, sizeof(int[2]));
  sendmsg(in_flight[0], &message, 0);
}

typedef void step(void);
enum { STEPS = 4 };

static const struct scenario {
  const char *name;
  bool stays, with_thread;  // MPTCP whatever happens; beside another thread
  step *steps[STEPS];
} scenarios[] = {
    {"one number", false, false, {0}},
    {"bound", false, false, {bind_it}},
    {"several numbers", false, false, {duplicate}},
    {"bound, several numbers", false, false, {bind_it, duplicate}},
    {"in one epoll set", false, false, {one_set}},
    {"in epoll sets", false, false, {sets}},
    {"one-shot and exclusive", false, false, {one_shot}},
    {"one-shot that has fired", true, false, {fired}},
    {"bound, numbers and sets", false, false, {bind_it, duplicate, numbers_in_set, sets}},
    {"registered under a closed number", false, false, {stale}},
    {"registered under a number in use", true, false, {taken}},
    {"registered under another socket's number", false, false, {taken_by_socket}},
    {"O_ASYNC", false, false, {asynchronous}},
    {"O_ASYNC, several numbers", true, false, {duplicate, asynchronous}},
    {"bound, open elsewhere", false, false, {bind_it, share}},
    {"beside a thread", false, true, {bind_it, sets}},
    {"beside a thread, several numbers", true, true, {duplicate, sets}},
};

// --- Runs -----------------------------------------------------------------------------------

static int traces;

static void clean(void) {
  for (int fd = 3; fd < PLACES; fd++) close(fd);
}

static bool is_whole(int protocol) {
  for (int fd = 3; fd < PLACES; fd++)
    if (inode_of(fd) == inode_of(first) && get(fd, SOL_SOCKET, SO_PROTOCOL) != protocol)
      return false;
  return true;
}

// The call itself may be what fails.
static bool is_own_call(void) {
  if (!faults.failing) return false;
  const struct fault_call *call = &faults.calls[faults.failing - 1];
  return by_rule ? call->number == SYS_connect
                 : call->number == SYS_setsockopt && call->third == IP_MINTTL;
}

static int use(void) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
  return by_rule ? connect(first, (struct sockaddr *)&address, sizeof address)
                 : set_int(first, IPPROTO_IP, IP_MINTTL, DISTANCE);
}

static bool is_right(int protocol, int result, int error) {
  if (result < 0 && is_own_call() && error == faults.error) return true;
  if (by_rule) return result < 0 && error == ENETUNREACH;
  return protocol == IPPROTO_TCP ? result == 0 && get(first, IPPROTO_IP, IP_MINTTL) == DISTANCE
                                 : result < 0 && (error == EOPNOTSUPP || error == ENOPROTOOPT);
}

static int run(const struct scenario *scenario) {
  static char before[SIZE];
  make();
  for (int i = 0; i < STEPS && scenario->steps[i]; i++) scenario->steps[i]();
  memcpy(before, look(), sizeof before);
  faults.count = 0;
  faults.counting = true;
  int result = use(), error = errno;
  faults.counting = false;
  const char *after = look();
  int protocol = get(first, SOL_SOCKET, SO_PROTOCOL);
  const char *fault = strcmp(before, after) != 0                   ? "something changed"
                      : !is_whole(protocol)                        ? "replaced in part"
                      : !is_right(protocol, result, error)         ? "wrong answer"
                      : protocol == IPPROTO_TCP && scenario->stays ? "replaced"
                      : protocol == MPTCP && !scenario->stays && !faults.failing ? "not replaced"
                                                                                 : NULL;
  if (fault && traces++ < 20) {
    const struct fault_call *call = &faults.calls[faults.failing ? faults.failing - 1 : 0];
    printf("%s: %s: call %d (%ld, %#lx, %ld)%s fails with %s; result %d, %d\n", scenario->name,
           fault, faults.failing, call->number, call->second, call->third,
           faults.always ? " and its kind" : "", strerrorname_np(faults.error), result, error);
    if (strcmp(before, after) != 0) printf("before:\n%s\nafter:\n%s\n", before, after);
  }
  clean();
  return protocol;
}

static bool is_first_of_kind(int call) {
  for (int i = 0; i < call - 1; i++)
    if (memcmp(&faults.calls[i], &faults.calls[call - 1], sizeof *faults.calls) == 0) return false;
  return true;
}

static void try(const struct scenario *scenario) {
  static const int once[] = {EPERM, ENOSYS, ENOPROTOOPT};
  static const int always[] = {EPERM, EMFILE, ENOENT, EEXIST};
  faults.failing = 0;
  int protocol = run(scenario), calls = faults.count, runs = 0;
  for (int call = 1; call <= calls; call++) {
    faults.failing = call;
    faults.always = false;
    faults.error = once[(size_t)call % (sizeof once / sizeof *once)];
    runs++;
    run(scenario);
    faults.always = true;
    for (size_t i = 0; i < sizeof always / sizeof *always && is_first_of_kind(call); i++, runs++) {
      faults.error = always[i];
      run(scenario);
    }
  }
  faults.failing = 0;
  faults.always = false;
  fprintf(stderr, "%s: %d calls, %d runs\n", scenario->name, calls, runs);
  printf("%s: %s\n", scenario->name,
         protocol == IPPROTO_TCP ? "replaced"
         : protocol == MPTCP     ? "left alone"
                                 : "lost");
}

static void *wait_for_ever(void *unused) {
  pause();
  return unused;
}

// In a process of its own: no thread can be made once all is trapped.
static int try_all(bool with_thread, const char *name) {
  pthread_t thread;
  fflush(stdout);
  pid_t child = fork();
  if (child) {
    int status;
    waitpid(child, &status, 0);
    return status;
  }
  if (with_thread) pthread_create(&thread, NULL, wait_for_ever, NULL);
  faults_install();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
    if (scenarios[i].with_thread == with_thread && (!name || strcmp(name, scenarios[i].name) == 0))
      try(&scenarios[i]);
  fflush(stdout);
  _exit(traces != 0);  // what sanitizers do at exit takes calls that would be trapped
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : NULL;
  by_rule = getenv("MPTCPIZE_POLICY") != NULL;
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGUSR2, SIG_IGN);
  clean();
  return try_all(false, name) || try_all(true, name);
}
