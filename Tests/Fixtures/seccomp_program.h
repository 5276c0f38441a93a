// Words of which seccomp filters are made, for the fixtures that confine themselves.

#ifndef MPTCPIZE_SECCOMP_PROGRAM_H
#define MPTCPIZE_SECCOMP_PROGRAM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define KILL_FOR(number) UNLESS(number, 1), KILL
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

// The wrapper that no C library has so far.
extern int seccomp(unsigned int operation, unsigned int flags, void *arguments)
    __attribute__((weak));

// Installs a filter by one of the ways there are; what the call returned.
static inline long confine_by(const char *way, struct sock_filter *steps, size_t count) {
  struct sock_fprog program = {(unsigned short)count, steps};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  if (strcmp(way, "prctl") == 0) return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  if (strcmp(way, "syscall-prctl") == 0) {
    return syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
  }
  if (strcmp(way, "function") == 0 && seccomp) {
    return seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
  }
  unsigned int flags = 0;
  if (strcmp(way, "tsync") == 0) flags = SECCOMP_FILTER_FLAG_TSYNC;
  if (strcmp(way, "listener") == 0) flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

#endif
