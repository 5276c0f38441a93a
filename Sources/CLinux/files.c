#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "CLinux.h"

// FILEID_KERNFS of include/linux/exportfs.h: the handle is the inode number.
#define KERNFS_HANDLE 0xfe

const int clinux_o_path = O_PATH;

int clinux_memory_file(void) { return memfd_create("mptcpize", MFD_CLOEXEC); }

int64_t clinux_file_system_type(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 ? file_system.f_type : -1;
}

int clinux_open_without_links(int directory, const char *path, int flags) {
  struct open_how how = {.flags = (uint64_t)(unsigned)flags, .resolve = RESOLVE_NO_SYMLINKS};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int clinux_open_kernfs(int mount, uint64_t inode, int flags) {
  union {
    struct file_handle handle;
    char bytes[sizeof(struct file_handle) + sizeof inode];
  } kernfs = {.handle = {.handle_bytes = sizeof inode, .handle_type = KERNFS_HANDLE}};
  memcpy(kernfs.handle.f_handle, &inode, sizeof inode);
  return open_by_handle_at(mount, &kernfs.handle, flags);
}

int clinux_rename_exchange(int directory, const char *one, const char *other) {
  return renameat2(directory, one, directory, other, RENAME_EXCHANGE);
}

int clinux_rename_new(int directory, const char *from, const char *to) {
  return renameat2(directory, from, directory, to, RENAME_NOREPLACE);
}
