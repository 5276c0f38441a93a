// bpf_poke older|other-layout|no-mptcpv6: makes the pinned BPF program look like one of
// revision 1, by which the program in force falls silent, as one that a newer mptcpize
// replaces does; like one of an unknown layout; or has it believe that the kernel makes no
// MPTCP sockets of AF_INET6.

#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int get(const char *path) {
  union bpf_attr about = {.pathname = (uintptr_t)path};
  return (int)syscall(SYS_bpf, BPF_OBJ_GET, &about, sizeof about);
}

int main(int argc, char **argv) {
  if (argc != 2) return 64;
  int revision = get("/sys/fs/bpf/mptcpize/current/revision");
  // struct mptcpize_bpf_memory begins with: layout, live, chosen (two words), mptcpv6.
  uint32_t first = 0, one = 1,
           *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                         get("/sys/fs/bpf/mptcpize/current/memory"), 0);
  if (words == MAP_FAILED) return 1;
  if (strcmp(argv[1], "no-mptcpv6") == 0) words[4] = 0;
  if (strcmp(argv[1], "other-layout") == 0) words[0] = 9999;
  if (strcmp(argv[1], "older") != 0) return 0;
  words[1] = one;
  union bpf_attr about = {
      .map_fd = (uint32_t)revision, .key = (uintptr_t)&first, .value = (uintptr_t)&one};
  return syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &about, sizeof about) != 0;
}
