// exclusive_sockopt CGROUP: attaches to a cgroup a program that lets every setsockopt pass, and
// none beside it; as long as the cgroup is there.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) return 64;
  struct bpf_insn code[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_SOCKOPT,
                         .expected_attach_type = BPF_CGROUP_SETSOCKOPT,
                         .insns = (uintptr_t)code,
                         .insn_cnt = sizeof code / sizeof *code,
                         .license = (uintptr_t) "GPL"};
  int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
  union bpf_attr attach = {.target_fd = (uint32_t)cgroup,
                           .attach_bpf_fd = (uint32_t)program,
                           .attach_type = BPF_CGROUP_SETSOCKOPT};
  if (program < 0 || cgroup < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach)) {
    perror("exclusive_sockopt");
    return 1;
  }
  return 0;
}
