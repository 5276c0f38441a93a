// What the library uses of the program's C library. The symbols are weak, so it
// loads into any: glibc before 2.34 has dlsym in libdl, which not every program is
// linked with. All C libraries have errno's place and the environment.

#ifndef MPTCPIZE_LIBC_H
#define MPTCPIZE_LIBC_H

#define FROM_LIBC extern __attribute__((weak, visibility("default")))
/// Not visible to anyone else: spares the indirection through the GOT.
#define INTERNAL extern __attribute__((visibility("hidden")))

#define INTERPOSED __attribute__((visibility("default")))

// 32-bit programs with 64 bits of time_t (_TIME_BITS=64 with glibc 2.34) call some functions by
// other names: sys/socket.h, sys/prctl.h and sys/ioctl.h redirect them. In glibc these are the same
// functions; ioctl is passed on by the name it was called by, since musl redirects it too.
#define HAS_TIME64_NAMES (UINTPTR_MAX == UINT32_MAX)
#define ALSO_CALLED(result, name, original, parameters) \
  INTERPOSED __attribute__((alias(original))) result name parameters

#define RTLD_NEXT ((void *)-1L)

FROM_LIBC void *dlsym(void *handle, const char *name);
FROM_LIBC char **environ;
FROM_LIBC int *__errno_location(void);

static inline int errno_get(void) { return *__errno_location(); }

static inline void errno_set(int value) { *__errno_location() = value; }

typedef struct c_file FILE;  // opaque: only ever passed on

#endif
