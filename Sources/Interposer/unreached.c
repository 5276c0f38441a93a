#include "unreached.h"

#include "record.h"
#include "state.h"

// Longer paths are told of by their environment only. Small: a vfork child's stack is its parent's.
enum { LONGEST = 512 };
enum { X_OK = 1, S_ISUID = 04000, S_ISGID = 02000, S_IXGRP = 010, PR_GET_NO_NEW_PRIVS = 39 };
enum { STATX_SIZE = 256 };  // include/uapi/linux/stat.h

static size_t length_of(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

static bool begins(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}

// Programs pass pointers that are none, to be told EFAULT. The kernel can be asked about them.
static bool is_readable(const void *text) {
  return text && syscall4(SYS_faccessat, AT_FDCWD, (long)text, 0, 0) != -EFAULT;
}

static bool names_us(const char *list) {
  for (; *list; list++) {
    if (begins(list, "libmptcpize")) return true;
  }
  return false;
}

// Of several entries the last counts, as for the loaders.
static bool has_preload(char *const *variables) {
  bool found = false;
  if (!is_readable(variables)) return true;  // Linux takes none for an empty one; others fail
  for (; *variables; variables++) {
    static const char name[] = "LD_PRELOAD=";
    if (begins(*variables, name)) found = names_us(*variables + sizeof name - 1);
  }
  return found;
}

// What execve makes of the file's mode and of the process's own identity: it sets AT_SECURE where
// the effective user or group is not the real one (cap_bprm_creds_from_file, security/commoncap.c).
static int privileges(const char *path) {
  uint32_t status[STATX_SIZE / 4];
  if (syscall5(SYS_statx, AT_FDCWD, (long)path, 0, 0x7ff, (long)status) < 0) return 0;
  // stx_uid, stx_gid, stx_mode
  long owner = status[5], group = status[6], mode = status[7] & 0xffff;
  bool may_change = syscall2(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0) != 1;
  bool sets_user = may_change && (mode & S_ISUID);
  bool sets_group = may_change && (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  long user = syscall1(SYS_getuid, 0), effective = syscall1(SYS_geteuid, 0);
  if ((sets_user ? owner : effective) != user) {
    return sets_user ? MPTCPIZE_UNREACHED_SET_USER : MPTCPIZE_UNREACHED_CHANGED_USER;
  }
  long own_group = syscall1(SYS_getgid, 0), effective_group = syscall1(SYS_getegid, 0);
  if ((sets_group ? group : effective_group) != own_group) {
    return sets_group ? MPTCPIZE_UNREACHED_SET_GROUP : MPTCPIZE_UNREACHED_CHANGED_USER;
  }
  char capabilities[32];
  if (user != 0 && syscall4(SYS_getxattr, (long)path, (long)"security.capability",
                            (long)capabilities, sizeof capabilities) > 0) {
    return MPTCPIZE_UNREACHED_CAPABILITIES;
  }
  return 0;
}

// ELF's layout: elf(5). Numbers of another byte order make no sense here, and count as dynamic.
static uint64_t number(const uint8_t *bytes, int size) {
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; i--) value = value << 8 | bytes[i];
  return value;
}

static bool is_static(long fd, const uint8_t *header) {
  enum { PT_INTERP = 3, PT_DYNAMIC = 2, MOST_SEGMENTS = 64, SEGMENT = 56 };
  bool wide = header[4] == 2;
  uint64_t place = number(header + (wide ? 32 : 28), wide ? 8 : 4);
  int size = (int)number(header + (wide ? 54 : 42), 2);
  int count = (int)number(header + (wide ? 56 : 44), 2);
  if (size < 4 || size > SEGMENT || count > MOST_SEGMENTS || place > INT32_MAX) return false;
  if (syscall3(SYS_lseek, fd, (long)place, 0) < 0) return false;
  for (int i = 0; i < count; i++) {
    uint8_t segment[SEGMENT];
    if (syscall3(SYS_read, fd, (long)segment, size) != size) return false;
    if (number(segment, 4) == PT_INTERP) return false;
  }
  return count > 0;
}

// Reads the beginning of a file. A script's is followed by its interpreter's, into `path`.
static int image(char *path) {
  for (int depth = 0; depth < 2; depth++) {
    uint8_t head[128];
    long fd = syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) return 0;
    long size = syscall3(SYS_read, fd, (long)head, sizeof head);
    bool is_elf = size >= 64 && begins((const char *)head, "\177ELF");
    bool without_loader = is_elf && is_static(fd, head);
    syscall1(SYS_close, fd);
    if (without_loader) return MPTCPIZE_UNREACHED_STATIC;
    if (is_elf) return privileges(path);
    if (size < 4 || head[0] != '#' || head[1] != '!') return 0;
    long from = 2, to = 0;
    while (from < size && (head[from] == ' ' || head[from] == '\t')) from++;
    while (from < size && head[from] > ' ') path[to++] = (char)head[from++];
    if (from == size) return 0;
    path[to] = 0;
  }
  return 0;
}

static void tell(int pid, const char *name, int reason) {
  if (!reason) return;
  record_unreached(pid, name, length_of(name), (enum mptcpize_unreached)reason);
}

void unreached_by_path(int pid, const char *path, char *const *variables) {
  if (!is_readable(path)) return;
  if (!has_preload(variables)) return tell(pid, path, MPTCPIZE_UNREACHED_ENVIRONMENT);
  size_t length = length_of(path);
  if (length >= LONGEST) return;
  char copy[LONGEST];
  for (size_t i = 0; i <= length; i++) copy[i] = path[i];
  // A script's own bits change nothing.
  tell(pid, path, image(copy));
}

void unreached_by_name(int pid, const char *file, char *const *variables) {
  if (!is_readable(file)) return;
  size_t length = length_of(file);
  const char *path = NULL;
  for (char **entry = environ; entry && *entry; entry++) {
    if (begins(*entry, "PATH=")) path = *entry + 5;
  }
  for (size_t i = 0; i < length; i++) {
    if (file[i] == '/') path = NULL;
  }
  while (path) {
    char place[LONGEST];
    size_t end = 0, at = 0;
    while (path[end] && path[end] != ':') end++;
    if (end + length + 2 <= sizeof place) {
      for (; at < end; at++) place[at] = path[at];
      if (end) place[at++] = '/';
      for (size_t i = 0; i <= length; i++) place[at + i] = file[i];
      if (syscall4(SYS_faccessat, AT_FDCWD, (long)place, X_OK, 0) == 0) {
        return unreached_by_path(pid, place, variables);
      }
    }
    path = path[end] ? path + end + 1 : NULL;
  }
  unreached_by_path(pid, file, variables);
}

void unreached_by_descriptor(int pid, int fd, char *const *variables) {
  char link[32] = "/proc/self/fd/";
  size_t at = length_of(link);
  int divisor = 1;
  while (fd / divisor >= 10) divisor *= 10;
  for (; divisor; divisor /= 10) link[at++] = (char)('0' + fd / divisor % 10);
  char path[LONGEST];
  long length = syscall4(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, sizeof path - 1);
  if (fd < 0 || length < 0) return;
  path[length] = 0;
  unreached_by_path(pid, path, variables);
}

void unreached_at(int pid, int fd, const char *path, char *const *variables) {
  if (!is_readable(path)) return;
  if (!path[0]) return unreached_by_descriptor(pid, fd, variables);
  if (path[0] == '/' || fd == AT_FDCWD) return unreached_by_path(pid, path, variables);
  if (!has_preload(variables)) tell(pid, path, MPTCPIZE_UNREACHED_ENVIRONMENT);
}
