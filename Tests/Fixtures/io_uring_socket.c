// Makes one TCP socket by IORING_OP_SOCKET (Linux 5.19) and prints its SO_PROTOCOL.

#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  struct io_uring_params about = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 1, &about);
  if (ring < 0) return 1;
  size_t size = about.sq_off.array + about.sq_entries * sizeof(unsigned);
  size_t other = about.cq_off.cqes + about.cq_entries * sizeof(struct io_uring_cqe);
  if (other > size) size = other;  // IORING_FEAT_SINGLE_MMAP
  char *rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  struct io_uring_sqe *entry =
      mmap(NULL, sizeof *entry, PROT_READ | PROT_WRITE, MAP_SHARED, ring, (off_t)IORING_OFF_SQES);
  if (rings == MAP_FAILED || (void *)entry == MAP_FAILED) return 1;
  memset(entry, 0, sizeof *entry);
  entry->opcode = IORING_OP_SOCKET;
  entry->fd = AF_INET;
  entry->off = SOCK_STREAM;
  *(unsigned *)(rings + about.sq_off.array) = 0;
  __atomic_store_n((unsigned *)(rings + about.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) return 1;
  int fd = ((struct io_uring_cqe *)(rings + about.cq_off.cqes))->res;
  int protocol = -1;
  socklen_t length = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0) return 1;
  printf("%d\n", protocol);
}
