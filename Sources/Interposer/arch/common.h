// The shorter calls. Registers beyond a call's arguments are ignored by the kernel.

#define syscall5(n, a, b, c, d, e) syscall6((n), (a), (b), (c), (d), (e), 0)
#ifndef syscall4
#define syscall4(n, a, b, c, d) syscall6((n), (a), (b), (c), (d), 0, 0)
#endif
#define syscall3(n, a, b, c) syscall6((n), (a), (b), (c), 0, 0, 0)
#define syscall2(n, a, b) syscall6((n), (a), (b), 0, 0, 0, 0)
#define syscall1(n, a) syscall6((n), (a), 0, 0, 0, 0, 0)

// New calls have the same number everywhere.
enum { SYS_landlock_create_ruleset = 444, SYS_landlock_restrict_self = 446 };
