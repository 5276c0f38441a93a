// Classic BPF, as far as seccomp(2) accepts it: kernel/seccomp.c, seccomp_check_filter().

#include <stdbool.h>

#include "SeccompFilter.h"

// include/uapi/linux/bpf_common.h, filter.h
enum { LD = 0, LDX = 1, ST = 2, STX = 3, ALU = 4, JMP = 5, RET = 6, MISC = 7, CLASS = 7 };
enum { IMM = 0x00, ABS = 0x20, MEM = 0x60, LEN = 0x80, MODE = 0xe0 };
enum { ADD = 0x00, SUB = 0x10, MUL = 0x20, DIV = 0x30, OR = 0x40, AND = 0x50, LSH = 0x60 };
enum { RSH = 0x70, NEG = 0x80, XOR = 0xa0, OPERATION = 0xf0 };
enum { JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
enum { BY_X = 0x08, RET_A = 0x10, TXA = 0x80 };
enum { MEMORY_WORDS = 16, DATA_WORDS = sizeof(struct mptcpize_system_call) / 4 };

union data {
  struct mptcpize_system_call call;
  uint32_t words[DATA_WORDS];
};

static uint32_t loaded(const struct mptcpize_filter_step *step, const union data *data,
                       const uint32_t *memory) {
  switch (step->code & MODE) {
    case ABS:
      return data->words[step->operand / 4 % DATA_WORDS];
    case MEM:
      return memory[step->operand % MEMORY_WORDS];
    case LEN:
      return sizeof *data;
    default:
      return step->operand;
  }
}

static uint32_t calculated(int operation, uint32_t a, uint32_t b) {
  switch (operation) {
    case ADD:
      return a + b;
    case SUB:
      return a - b;
    case MUL:
      return a * b;
    case DIV:
      return a / b;
    case OR:
      return a | b;
    case AND:
      return a & b;
    case LSH:
      return a << (b & 31);
    case RSH:
      return a >> (b & 31);
    case XOR:
      return a ^ b;
    default:
      return -a;
  }
}

static bool holds(int operation, uint32_t a, uint32_t b) {
  switch (operation) {
    case JEQ:
      return a == b;
    case JGT:
      return a > b;
    case JGE:
      return a >= b;
    default:
      return (a & b) != 0;
  }
}

// Jumps lead forward only, and the last step returns: the kernel has seen to both.
static uint32_t answer(const struct mptcpize_filter *filter, const union data *data) {
  uint32_t a = 0, x = 0, memory[MEMORY_WORDS] = {0};
  for (uint32_t at = 0; at < filter->length; at++) {
    const struct mptcpize_filter_step *step = &filter->steps[at];
    uint32_t other = step->code & BY_X ? x : step->operand;
    int operation = step->code & OPERATION;
    switch (step->code & CLASS) {
      case LD:
        a = loaded(step, data, memory);
        break;
      case LDX:
        x = loaded(step, data, memory);
        break;
      case ST:
        memory[step->operand % MEMORY_WORDS] = a;
        break;
      case STX:
        memory[step->operand % MEMORY_WORDS] = x;
        break;
      case ALU:
        if (operation == DIV && other == 0) return 0;
        a = calculated(operation, a, other);
        break;
      case JMP:
        if (operation == JA) {
          at += step->operand;
        } else {
          at += holds(operation, a, other) ? step->if_true : step->if_false;
        }
        break;
      case RET:
        return step->code & RET_A ? a : step->operand;
      case MISC:
        if (step->code & TXA) {
          a = x;
        } else {
          x = a;
        }
        break;
    }
  }
  return 0;
}

enum mptcpize_verdict mptcpize_filter_verdict(const struct mptcpize_filter *filter,
                                              const struct mptcpize_system_call *call) {
  // include/uapi/linux/seccomp.h: SECCOMP_RET_*. What a kernel does not know, it kills for.
  enum { ERRNO = 0x0005, USER_NOTIF = 0x7fc0, TRACE = 0x7ff0, LOG = 0x7ffc, ALLOW = 0x7fff };
  union data data = {.call = *call};
  switch (answer(filter, &data) >> 16) {
    case LOG:
    case ALLOW:
      return MPTCPIZE_VERDICT_ALLOWED;
    case ERRNO:
      return MPTCPIZE_VERDICT_REFUSED;
    case USER_NOTIF:
    case TRACE:
      return MPTCPIZE_VERDICT_ASKED;
    default:
      return MPTCPIZE_VERDICT_KILLED;
  }
}
