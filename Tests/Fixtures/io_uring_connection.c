// Makes a socket, connects it to a listener of its own and accepts the connection, all by
// io_uring (Linux 5.19); sends 1000 bytes over it. The listener is made by system calls, and
// the client too with an argument. Prints nothing.

#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct io_uring_params about;
static int ring;
static char *rings;
static struct io_uring_sqe *entry;

// The result of one request.
static int ask(uint8_t operation, int fd, const void *address, uint64_t offset) {
  memset(entry, 0, sizeof *entry);
  entry->opcode = operation;
  entry->fd = fd;
  entry->addr = (uintptr_t)address;
  entry->off = offset;
  unsigned *tail = (unsigned *)(rings + about.sq_off.tail);
  unsigned *head = (unsigned *)(rings + about.cq_off.head);
  *(unsigned *)(rings + about.sq_off.array) = 0;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) return -1;
  struct io_uring_cqe *answers = (struct io_uring_cqe *)(rings + about.cq_off.cqes);
  int result = answers[*head % about.cq_entries].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

int main(int argc, char **argv) {
  (void)argv;
  ring = (int)syscall(SYS_io_uring_setup, 1, &about);
  if (ring < 0) return 1;
  size_t size = about.sq_off.array + about.sq_entries * sizeof(unsigned);
  size_t other = about.cq_off.cqes + about.cq_entries * sizeof(struct io_uring_cqe);
  if (other > size) size = other;  // IORING_FEAT_SINGLE_MMAP
  rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  entry =
      mmap(NULL, sizeof *entry, PROT_READ | PROT_WRITE, MAP_SHARED, ring, (off_t)IORING_OFF_SQES);
  if (rings == MAP_FAILED || (void *)entry == MAP_FAILED) return 2;

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) return 3;
  getsockname(listener, (struct sockaddr *)&address, &length);
  int client = argc > 1 ? socket(AF_INET, SOCK_STREAM, 0)
                        : ask(IORING_OP_SOCKET, AF_INET, NULL, SOCK_STREAM);
  if (client < 0 || ask(IORING_OP_CONNECT, client, &address, length) != 0) return 4;
  int accepted = ask(IORING_OP_ACCEPT, listener, NULL, 0);
  char data[1000] = {0};
  if (send(client, data, sizeof data, 0) != sizeof data) return 5;
  if (recv(accepted, data, sizeof data, MSG_WAITALL) != sizeof data) return 6;
  close(accepted);
  close(client);
  close(listener);
  return 0;
}
