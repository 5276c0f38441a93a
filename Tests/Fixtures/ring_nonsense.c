// A hostile writer of the ring: records of one kind of nonsense, as many as told.
//
//   ring_nonsense KIND RECORDS
//
// Prints "half" and "done" when it is there, "signal" for each SIGUSR1, and waits to be killed.
// The kinds:
//
// - holders: one socket, ever more descriptors; processes: of ever more processes
// - sockets: ever more sockets; closes: closes of a socket of many holders
// - forks: a process of many sockets forks, again and again
// - images: it forks and starts another program, again and again
// - forking: it begins to fork between any two sockets
// - execs: closes by an exec that may still fail, and does
// - remedies: other options of ever other sockets
// - unreached: programs of ever other names; numbers: sockets change their numbers
// - random: bytes; header: the ring's own words too

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../Sources/SocketEvents/ring.c"

static struct mptcpize_ring *ring;

static uint64_t next_random(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static void put(struct mptcpize_event event) {
  if (event.family == 0) event.family = 2;
  // As fast as the reader at first, so that it gets to know as much as it can; later the ring is
  // always full.
  static int patience = 3000;
  while (patience > 0 && mptcpize_ring_pending(ring) > MPTCPIZE_RING_SLOTS - 64) {
    struct timespec moment = {.tv_nsec = 100000};
    nanosleep(&moment, NULL);
    patience--;
  }
  mptcpize_ring_put(ring, &event);
}

#define PUT(...) put((struct mptcpize_event){__VA_ARGS__})

/* Descriptors that the process of some kinds has open. */
#define OPEN 200000u

static void one(const char *kind, uint32_t i) {
  int n = (int)i;
  if (!strcmp(kind, "holders")) {
    PUT(.kind = i ? MPTCPIZE_DUPLICATED : MPTCPIZE_CREATED, .pid = 4000000, .fd = n, .inode = 77,
        .got = 262);
  } else if (!strcmp(kind, "processes")) {
    PUT(.kind = i ? MPTCPIZE_DUPLICATED : MPTCPIZE_CREATED, .pid = 1 + n, .fd = 3, .origin = 3,
        .inode = 77);
  } else if (!strcmp(kind, "sockets")) {
    PUT(.kind = MPTCPIZE_CREATED, .pid = getpid(), .fd = n, .inode = 100 + i);
  } else if (!strcmp(kind, "closes")) {
    if (i < OPEN)
      PUT(.kind = i ? MPTCPIZE_DUPLICATED : MPTCPIZE_CREATED, .pid = 1 + n % 30000, .fd = n,
          .inode = 77);
    else
      PUT(.kind = MPTCPIZE_CLOSED, .pid = 3999999, .fd = n, .inode = 77, .wire = 1);
  } else if (!strcmp(kind, "forks") || !strcmp(kind, "images") || !strcmp(kind, "forking")) {
    if (i < OPEN)
      PUT(.kind = MPTCPIZE_CREATED, .pid = 4000000, .fd = n, .inode = 100 + i);
    else if (kind[4] == 'i')  // forking
      PUT(.kind = i % 2 ? MPTCPIZE_FORKING : MPTCPIZE_DUPLICATED, .pid = 4000000, .fd = n,
          .inode = 101);
    else if (kind[0] == 'i' && i % 2)
      PUT(.kind = MPTCPIZE_STARTED, .pid = 4000001 + n % 1000 / 2, .fd = -1);
    else
      PUT(.kind = MPTCPIZE_FORKED, .pid = 4000001 + n % 1000 / 2, .origin = 4000000, .fd = -1);
  } else if (!strcmp(kind, "execs")) {
    if (i == 0) PUT(.kind = MPTCPIZE_CREATED, .pid = 4000000, .fd = 3, .inode = 77);
    if (i % 300000 == 299999)
      PUT(.kind = MPTCPIZE_EXEC_FAILED, .pid = 4000000, .fd = -1);
    else
      PUT(.kind = MPTCPIZE_CLOSED, .pid = 4000000, .fd = n, .inode = 77, .cause = 3);
  } else if (!strcmp(kind, "remedies")) {
    if (i % 32 == 0) PUT(.kind = MPTCPIZE_CREATED, .pid = 4000000, .fd = n, .inode = 100 + i / 32);
    PUT(.kind = MPTCPIZE_REMEDIED, .pid = 4000000, .fd = n, .inode = 100 + i / 32,
        .option_name = i % 32, .remedy = 1);
  } else if (!strcmp(kind, "numbers")) {
    if (i == 0) PUT(.kind = MPTCPIZE_CREATED, .pid = 4000000, .fd = 3, .inode = 77);
    PUT(.kind = MPTCPIZE_REMEDIED, .pid = 4000000, .fd = 3, .inode = 100 + i, .remedy = 4);
  } else if (!strcmp(kind, "unreached")) {
    struct mptcpize_event event = {
        .kind = MPTCPIZE_UNREACHED, .pid = 1 + n, .fd = -1, .cause = MPTCPIZE_UNREACHED_STATIC};
    char name[MPTCPIZE_NAME];
    snprintf(name, sizeof name, i % 2 ? "/dev/ptmx%.0d" : "/usr/bin/%d", n);
    memcpy(&event.local, name, sizeof event.local);
    put(event);
  } else {
    struct mptcpize_event event;
    uint64_t *words = (uint64_t *)&event;
    for (size_t k = 0; k < sizeof event / sizeof *words; k++) words[k] = next_random();
    event.kind = (uint8_t)(next_random() % 16);
    event.pid = (int)(next_random() % 5000);
    event.fd = (int)(next_random() % 300000);
    event.inode = next_random() % 1000;
    if (!strcmp(kind, "header") && i % 64 == 0) {
      uint32_t *victims[] = {&ring->head, &ring->tail, &ring->dropped,
                             &ring->slots[i & SLOT_MASK].turn, &ring->slots[i & SLOT_MASK].retired};
      *victims[next_random() % 5] = (uint32_t)next_random();
      mptcpize_ring_put(ring, &event);
    } else if (!strcmp(kind, "header")) {
      mptcpize_ring_put(ring, &event);
    } else {
      put(event);
    }
  }
}

static void say_signal(int number) {
  (void)number;
  (void)!write(1, "signal\n", 7);
}

int main(int argc, char **argv) {
  const char *path = getenv("MPTCPIZE_RING");
  if (argc < 3 || !path) return 64;
  int fd = open(path, O_RDWR | O_NOFOLLOW);
  size_t size = mptcpize_ring_size();
  ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (ring == MAP_FAILED || !mptcpize_ring_valid(ring, size)) return 1;
  signal(SIGUSR1, say_signal);
  uint32_t records = (uint32_t)strtoul(argv[2], NULL, 0);
  for (uint32_t i = 0; i < records; i++) {
    one(argv[1], i);
    if (i == records / 2) (void)!write(1, "half\n", 5);
  }
  (void)!write(1, "done\n", 5);
  for (;;) pause();
}
