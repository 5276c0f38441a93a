// The system calls of the architecture that is compiled for.

#ifndef MPTCPIZE_NATIVE_H
#define MPTCPIZE_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "x86_64.h"
#elif defined(__i386__)
#include "i386.h"
#elif defined(__aarch64__)
#include "aarch64.h"
#else
#error "no system call layer for this architecture: add Sources/Interposer/arch/<name>.h"
#endif

#endif
