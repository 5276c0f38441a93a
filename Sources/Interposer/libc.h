// What the library takes from the C library it finds itself in: three weak
// symbols. Where one is missing (dlsym, before glibc 2.34, unless the program is
// linked with libdl), the library still loads and does without.

#ifndef MPTCPIZE_LIBC_H
#define MPTCPIZE_LIBC_H

#define FROM_LIBC extern __attribute__((weak, visibility("default")))
#define INTERPOSED __attribute__((visibility("default")))

#define RTLD_NEXT ((void *)-1L)

FROM_LIBC void *dlsym(void *handle, const char *name);
FROM_LIBC char **environ;
FROM_LIBC int *__errno_location(void);

static inline int errno_get(void) { return __errno_location ? *__errno_location() : 0; }

static inline void errno_set(int value) {
  if (__errno_location) *__errno_location() = value;
}

typedef struct c_file FILE;  // opaque: only ever passed on

#endif
