// Makes system calls of this thread fail one by one, without a tracer: a seccomp filter turns every
// call into SIGSYS, whose handler makes it after all, or answers with an error.

#ifndef FAULTS_H
#define FAULTS_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

// The calls that were made while counting, as far as they are of one kind: number, and what the
// second and third argument say of calls that do many things.
struct fault_call {
  long number, second, third;
};
enum { FAULT_CALLS = 4096 };

static struct {
  bool counting;
  int count, failing;  // the call that is to fail, from 1; 0: none
  bool always;         // and all others of its kind
  int error;
  struct fault_call calls[FAULT_CALLS];  // of a run without a fault
} faults;

#if defined(__x86_64__)
// At a known place, which the filter lets through.
__asm__(
    ".text\n.globl fault_make\nfault_make:\n"
    "mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\n"
    "mov %r9, %r8\nmov 8(%rsp), %r9\nsyscall\n.globl fault_made\nfault_made:\nret\n");
#define FAULT_ARGUMENT(context, n) \
  ((long)(context)                 \
       ->uc_mcontext.gregs[(int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9}[n]])
#define FAULT_RESULT(context) (context)->uc_mcontext.gregs[REG_RAX]
#elif defined(__aarch64__)
__asm__(
    ".text\n.globl fault_make\nfault_make:\n"
    "mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\n"
    "svc #0\n.globl fault_made\nfault_made:\nret\n");
#define FAULT_ARGUMENT(context, n) ((long)(context)->uc_mcontext.regs[n])
#define FAULT_RESULT(context) (context)->uc_mcontext.regs[0]
#else
#error "no way to make system calls fail on this processor"
#endif

long fault_make(long number, long a, long b, long c, long d, long e, long f);
extern const char fault_made[];

static struct fault_call fault_kind(long number, long second, long third) {
  struct fault_call kind = {number, 0, 0};
  bool is_option = number == SYS_setsockopt || number == SYS_getsockopt;
  if (is_option || number == SYS_fcntl || number == SYS_epoll_ctl) kind.second = second;
  if (is_option) kind.third = third;
  return kind;
}

static bool fault_is_due(const struct fault_call *kind) {
  if (!faults.counting) return false;
  int count = ++faults.count;
  if (!faults.failing && count <= FAULT_CALLS) faults.calls[count - 1] = *kind;
  if (!faults.failing) return false;
  if (count == faults.failing) return true;
  return faults.always && count > faults.failing &&
         memcmp(&faults.calls[faults.failing - 1], kind, sizeof *kind) == 0;
}

// The mask is the interrupted program's, which returning from the handler sets.
static long fault_mask(ucontext_t *context) {
  const uint64_t *set = (const uint64_t *)FAULT_ARGUMENT(context, 1);
  uint64_t *before = (uint64_t *)FAULT_ARGUMENT(context, 2), mask, given = set ? *set : 0;
  memcpy(&mask, &context->uc_sigmask, sizeof mask);
  if (before) *before = mask;
  if (!set) return 0;
  long how = FAULT_ARGUMENT(context, 0);
  mask = how == SIG_BLOCK ? mask | given : how == SIG_UNBLOCK ? mask & ~given : given;
  memcpy(&context->uc_sigmask, &mask, sizeof mask);
  return 0;
}

static void fault_handle(int signal, siginfo_t *information, void *argument) {
  (void)signal;
  ucontext_t *context = argument;
  long number = information->si_syscall;
  struct fault_call kind =
      fault_kind(number, FAULT_ARGUMENT(context, 1), FAULT_ARGUMENT(context, 2));
  if (fault_is_due(&kind)) {
    FAULT_RESULT(context) = (unsigned long)-faults.error;
  } else if (number == SYS_rt_sigprocmask) {
    FAULT_RESULT(context) = (unsigned long)fault_mask(context);
  } else {
    FAULT_RESULT(context) = (unsigned long)fault_make(
        number, FAULT_ARGUMENT(context, 0), FAULT_ARGUMENT(context, 1), FAULT_ARGUMENT(context, 2),
        FAULT_ARGUMENT(context, 3), FAULT_ARGUMENT(context, 4), FAULT_ARGUMENT(context, 5));
  }
}

// Of this thread, and of those that it starts. By system calls of our own: the library is to see
// no filter, as it sees none that a container has.
static void faults_install(void) {
  uint64_t address = (uint64_t)(uintptr_t)fault_made;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)address, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(address >> 32), 4, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof code / sizeof *code, code};
  struct sigaction action = {.sa_sigaction = fault_handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSYS, &action, NULL);
  if (fault_make(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) ||
      fault_make(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&filter, 0, 0, 0)) {
    puts("no seccomp filter");
    exit(2);
  }
}

#endif
