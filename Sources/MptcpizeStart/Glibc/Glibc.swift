// swift-format-ignore-file: AlwaysUseLowerCamelCase
//
// What Swift's module Glibc is to others, for Embedded Swift, whose toolchain has none: as much of
// it as the modules of scripts/build-start use. To Embedded Swift, the constants that CLinux.h
// includes are CLinux's.
@_exported import CGlibc
@_exported import CLinux

package var errno: Int32 {
    get { __errno_location().pointee }
    set { __errno_location().pointee = newValue }
}

package var environ: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> { cglibc_environ() }

package func open(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
    cglibc_openat(AT_FDCWD, path, flags, mode)
}

package func openat(
    _ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t = 0
) -> Int32 {
    cglibc_openat(directory, path, flags, mode)
}

package func fcntl(_ fd: Int32, _ command: Int32, _ value: Int32 = 0) -> Int32 {
    cglibc_fcntl(fd, command, value)
}

package func ioctl(_ fd: Int32, _ request: UInt, _ value: UnsafeMutableRawPointer) -> Int32 {
    cglibc_ioctl(fd, request, value)
}

// sys/stat.h
package let S_IFMT: mode_t = 0o170000
package let S_IFDIR: mode_t = 0o040000
package let S_IFREG: mode_t = 0o100000
package let S_IFLNK: mode_t = 0o120000
package let S_ISUID: mode_t = 0o4000
package let S_ISGID: mode_t = 0o2000
package let S_ISVTX: mode_t = 0o1000
package let S_IXGRP: mode_t = 0o010
package let S_IWGRP: mode_t = 0o020
package let S_IWOTH: mode_t = 0o002

// signal.h
package var SIG_DFL: __sighandler_t? { nil }
package var SIG_IGN: __sighandler_t? { unsafeBitCast(1, to: __sighandler_t.self) }

// sys/mman.h
package var MAP_FAILED: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: -1) }
