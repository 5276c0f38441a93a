// Writers of a ring, well-behaved and not.
//
//   ring_writer RING flood PROCESSES RECORDS   each process puts RECORDS records; its PID
//                                              and their numbers (inode) tell them apart
//   ring_writer RING claim                     claims a slot, and is killed before it fills it

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../Sources/SocketEvents/ring.c"

static void flood(struct mptcpize_ring *ring, long records) {
  struct mptcpize_event event = {.kind = MPTCPIZE_CLOSED, .pid = getpid(), .fd = 3};
  for (long i = 0; i < records; i++) {
    event.inode = (uint64_t)i;
    mptcpize_ring_put(ring, &event);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int fd = open(argv[1], O_RDWR | O_NOFOLLOW);
  size_t size = mptcpize_ring_size();
  struct mptcpize_ring *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (ring == MAP_FAILED || !mptcpize_ring_valid(ring, size)) return 1;
  if (!strcmp(argv[2], "claim")) {
    exchange(&ring->head, ring->head, ring->head + 1);
    raise(SIGKILL);
  }
  if (argc < 5) return 64;
  int processes = atoi(argv[3]);
  for (int i = 0; i < processes; i++) {
    if (fork() == 0) {
      flood(ring, atol(argv[4]));
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  return 0;
}
