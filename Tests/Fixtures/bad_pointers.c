// Calls every function that takes a pointer with pointers that are no good, and prints a line for
// each call: what it returned, and errno. Sockets are fresh, listening, and connected. With the
// argument "mptcp" it asks for MPTCP by itself.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  const char *name;
  char *pointer;
} places[10];
static size_t place_count;

static void add_place(const char *name, char *pointer) {
  places[place_count].name = name;
  places[place_count++].pointer = pointer;
}

static void make_places(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) exit(1);
  pages[2 * page - 4] = 1;
  mprotect(pages, page, PROT_READ);
  mprotect(pages + 2 * page, page, PROT_NONE);
  add_place("null", NULL);
  add_place("8", (char *)8);
  add_place("top", (char *)UINTPTR_MAX - 2);
  // Below that, a 32-bit program on a 64-bit kernel may have its stack.
  add_place("kernel's", (char *)(UINTPTR_MAX - 0x1000));
  add_place("no access", pages + 2 * page);
  add_place("2 of 4 bytes", pages + 2 * page - 2);
  add_place("4 bytes", pages + 2 * page - 4);
  add_place("odd", pages + page + 1);
  add_place("read only", pages);
}

static int kind;
static const char *const kinds[] = {"fresh", "listening", "connected"};
static int family, protocol, peer = -1;

static int make_socket(void) {
  int fd = socket(family, SOCK_STREAM, protocol);
  struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
  socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (kind == 1 && listen(fd, 1)) exit(1);
  if (kind == 2) {
    int listener = socket(family, SOCK_STREAM, protocol);
    if (listen(listener, 1)) exit(1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    if (connect(fd, (struct sockaddr *)&address, length)) exit(1);
    peer = accept(listener, NULL, NULL);
    close(listener);
  }
  return fd;
}

static void drop_socket(int fd) {
  close(fd);
  if (peer >= 0) close(peer);
  peer = -1;
}

static const char *error_name(int error) {
  static char text[32];
  snprintf(text, sizeof text, "errno %d", error);
  return text;
}

// The line's end: what a call returned.
#define OUTCOME(call)                                                \
  do {                                                               \
    errno = 0;                                                       \
    long result = (call);                                            \
    printf("%ld %s\n", result, result < 0 ? error_name(errno) : ""); \
  } while (0)

static void try_options(void) {
  static const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6};
  static const socklen_t lengths[] = {0, 1, 3, 4, 16, 300, INT32_MAX, UINT32_MAX};
  socklen_t *no_access = (socklen_t *)(void *)places[4].pointer;
  socklen_t *read_only = (socklen_t *)(void *)places[8].pointer;
  for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
    for (int number = 0; number < 80; number++) {
      int fd = make_socket();
      for (size_t p = 0; p < place_count; p++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
          printf("%s %d setsockopt %d %d, %s, %u: ", kinds[kind], family, levels[l], number,
                 places[p].name, lengths[i]);
          OUTCOME(setsockopt(fd, levels[l], number, places[p].pointer, lengths[i]));
          socklen_t length = lengths[i];
          printf("%s %d getsockopt %d %d, %s, %u: ", kinds[kind], family, levels[l], number,
                 places[p].name, lengths[i]);
          OUTCOME(getsockopt(fd, levels[l], number, places[p].pointer, &length));
        }
      }
      int value;
      printf("%s %d getsockopt %d %d, length null: ", kinds[kind], family, levels[l], number);
      OUTCOME(getsockopt(fd, levels[l], number, &value, NULL));
      printf("%s %d getsockopt %d %d, no length: ", kinds[kind], family, levels[l], number);
      OUTCOME(getsockopt(fd, levels[l], number, &value, no_access));
      printf("%s %d getsockopt %d %d, fixed length: ", kinds[kind], family, levels[l], number);
      OUTCOME(getsockopt(fd, levels[l], number, &value, read_only));
      drop_socket(fd);
    }
  }
}

static void try_others(void) {
  static const socklen_t lengths[] = {0, 1, 2, 16, 28, 200, INT32_MAX, UINT32_MAX};
  int file = open("/dev/null", O_RDWR);
  for (size_t p = 0; p < place_count; p++) {
    void *place = places[p].pointer;
    for (int which = 0; which < 3; which++) {
      for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int made = make_socket();
        int fd = which == 0 ? made : which == 1 ? file : -1;
        fcntl(made, F_SETFL, O_NONBLOCK);
        printf("%s %d connect %d, %s, %u: ", kinds[kind], family, which, places[p].name,
               lengths[i]);
        OUTCOME(connect(fd, place, lengths[i]));
        printf("%s %d bind %d, %s, %u: ", kinds[kind], family, which, places[p].name, lengths[i]);
        OUTCOME(bind(fd, place, lengths[i]));
        drop_socket(made);
      }
      int made = make_socket();
      int fd = which == 0 ? made : which == 1 ? file : -1;
      fcntl(made, F_SETFL, O_NONBLOCK);
      static const unsigned long requests[] = {0x8905 /* SIOCATMARK */, FIONREAD};
      for (size_t i = 0; i < 2; i++) {
        printf("%s ioctl %lx %d, %s: ", kinds[kind], requests[i], which, places[p].name);
        OUTCOME(ioctl(fd, requests[i], place));
      }
      struct sockaddr_storage address;
      socklen_t length = sizeof address;
      printf("%s accept %d, %s: ", kinds[kind], which, places[p].name);
      OUTCOME(accept(fd, place, &length));
      OUTCOME(accept(fd, (struct sockaddr *)&address, place));
      // By way of another variable, or compilers see that both are one.
      void *volatile alias = place;
      OUTCOME(accept4(fd, place, alias, SOCK_CLOEXEC));
      OUTCOME(shutdown(fd, 77));
      drop_socket(made);
    }
    char *none[] = {NULL};
    printf("others, %s: ", places[p].name);
    int is_null_or_good = p == 0 || p > 4;
    OUTCOME(is_null_or_good ? 0 : execve("/bin/true", place, none));
    OUTCOME(is_null_or_good ? 0 : execve("/bin/true", none, place));
    OUTCOME(prctl(PR_SET_SECCOMP, 2, p == 6 || p == 7 ? NULL : place));
    OUTCOME(syscall(SYS_seccomp, 1, 0, p == 6 || p == 7 ? NULL : place));
    OUTCOME(syscall(444, place, 16, 0));
    OUTCOME(syscall(444, place, 0x7fffffff, 0));
  }
  close(file);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "mptcp") == 0) protocol = 262;
  setvbuf(stdout, NULL, _IOLBF, 65536);
  make_places();
  for (family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) {
    for (kind = 0; kind < 3; kind++) {
      try_options();
      try_others();
    }
  }
  return 0;
}
