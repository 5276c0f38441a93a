// A connection to itself. For each way in which a process can lose a corked socket: corks it,
// writes "head", has a child do that, and tells what the peer has got of it by then and what
// TCP_CORK says. At last, what the peer gets in the end of a socket that the child itself has
// corked, and that nobody else has.

#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int sender, receiver;

static void connect_both(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sender = socket(AF_INET, SOCK_STREAM, 0);
  if (listen(listener, 1)) exit(1);
  getsockname(listener, (struct sockaddr *)&address, &length);
  if (connect(sender, (struct sockaddr *)&address, length)) exit(1);
  receiver = accept(listener, NULL, NULL);
  close(listener);
}

static void cork(int value) {
  if (setsockopt(sender, IPPROTO_TCP, TCP_CORK, &value, sizeof value)) exit(1);
}

static int is_corked(void) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(sender, IPPROTO_TCP, TCP_CORK, &value, &length);
  return value;
}

static const char *received(void) {
  static char text[64];
  ssize_t size = read(receiver, text, sizeof text - 1);
  text[size < 0 ? 0 : size] = 0;
  return text;
}

static char *const none[] = {NULL};

static void exit_at_once(void) { _exit(0); }
static void exit_C99(void) { _Exit(0); }
static void exit_quickly(void) { quick_exit(0); }
static void exit_with_destructors(void) { exit(0); }
static void close_one(void) { close(sender); }
static void close_by_number(void) { syscall(SYS_close, sender); }
static void close_many(void) { syscall(SYS_close_range, 3u, ~0u, 0); }
static void close_stream(void) { fclose(fdopen(sender, "w")); }
static void close_range_of(void) { close_range((unsigned)sender, (unsigned)sender, 0); }
static void close_from(void) { closefrom(sender); }
static void replace(void) { dup2(STDIN_FILENO, sender); }
static void replace_with_flags(void) { dup3(STDIN_FILENO, sender, O_CLOEXEC); }
static void exec_nothing(void) { execve("/nonexistent", none, none); }
static void uncork(void) { cork(0); }
static void shut_down(void) { shutdown(sender, SHUT_WR); }

// A vfork child may do no more than some: it has our memory, but its own descriptors.
__attribute__((noinline)) static void in_child(int shares_memory, void (*action)(void)) {
  pid_t child = shares_memory ? vfork() : fork();
  if (child == 0) {
    action();
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(void) {
  static const struct {
    const char *name;
    void (*action)(void);
  } ways[] = {{"_exit", exit_at_once},
              {"_Exit", exit_C99},
              {"quick_exit", exit_quickly},
              {"exit", exit_with_destructors},
              {"close", close_one},
              {"syscall close", close_by_number},
              {"syscall close_range", close_many},
              {"close_range", close_range_of},
              {"closefrom", close_from},
              {"fclose", close_stream},
              {"dup2", replace},
              {"dup3", replace_with_flags},
              {"exec", exec_nothing}};
  setvbuf(stdout, NULL, _IONBF, 0);
  connect_both();
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    for (int way = 0; way < 2; way++) {
      cork(1);
      if (write(sender, "head", 4) != 4) return 1;
      int is_simple = strcmp(ways[i].name, "exit") != 0 && strcmp(ways[i].name, "fclose") != 0 &&
                      strcmp(ways[i].name, "quick_exit") != 0;
      int shares_memory = way && is_simple;
      in_child(shares_memory, ways[i].action);
      printf("%s, %s: cork %d\n", shares_memory ? "vfork" : "fork", ways[i].name, is_corked());
      cork(0);
      printf("uncorked: %s\n", received());
    }
  }
  // What a child does to the socket itself is done to everybody's.
  static const struct {
    const char *name;
    void (*action)(void);
  } deeds[] = {{"uncork", uncork}, {"shutdown", shut_down}};
  for (size_t i = 0; i < 2; i++) {
    cork(1);
    if (write(sender, "head", 4) != 4) return 1;
    pid_t child = fork();
    if (child == 0) {
      deeds[i].action();
      for (;;) pause();
    }
    printf("%s: %s\n", deeds[i].name, received());
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  close(sender);
  close(receiver);
  connect_both();
  pid_t child = fork();
  if (child == 0) {
    cork(1);
    if (write(sender, "own", 3) != 3) _exit(1);
    _exit(0);
  }
  close(sender);
  waitpid(child, NULL, 0);
  printf("a child's own: %s\n", received());
  return 0;
}
