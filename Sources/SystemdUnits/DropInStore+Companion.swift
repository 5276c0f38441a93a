import Glibc
import LinuxSystem

/// The unit file that several drop-ins need, and the links to it. It comes after the drop-ins,
/// which do nothing without it, and goes before the last of them.
extension DropInStore {
    func putCompanion(
        _ companion: DropIn.Companion?, _ link: String?, from stage: borrowing Descriptor,
        to base: borrowing Descriptor
    ) throws(Errno) {
        guard let companion else { return }
        try stage.writeFile(companion.name, companion.text)
        try stage.rename(companion.name, to: base, as: companion.name)
        try base.makeLink(link, to: companion.name)
    }

    /// Removes the link of a drop-in, and the unit file that it needs unless another one does too.
    func removeCompanion(
        of unit: UnitName, _ dropIn: DropIn.Installed
    ) throws(Failure) {
        guard let companion = dropIn.companion else { return }
        let isNeeded = units().contains { other in
            other != unit && (try? installed(other))??.companion?.name == companion.name
        }
        do {
            let base = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            try lock(base)
            try base.removeLink(dropIn.link)
            if !isNeeded { try base.unlink(companion.name) }
        } catch {
            throw unwritable("\(path)/\(companion.name)", error)
        }
    }
}

extension Descriptor {
    /// Makes a link of DropIn.link in this directory.
    fileprivate func makeLink(_ link: String?, to unit: String) throws(Errno) {
        guard let link, let (place, name) = DropIn.Installed.parts(ofLink: link) else {
            return
        }
        if mkdirat(number, place, 0o755) != 0, errno != EEXIST { throw Errno.last }
        guard let directory = try directory(place) else { throw Errno(rawValue: ENOENT) }
        if symlinkat("../\(unit)", directory.number, name) != 0, errno != EEXIST {
            throw Errno.last
        }
    }

    /// Takes it away, and the directory if nothing else is in it: as `systemctl disable` does.
    fileprivate func removeLink(_ link: String?) throws(Errno) {
        guard let link, let (place, name) = DropIn.Installed.parts(ofLink: link),
            let directory = try directory(place)
        else { return }
        try directory.unlink(name)
        _ = unlinkat(number, place, AT_REMOVEDIR)
    }
}
