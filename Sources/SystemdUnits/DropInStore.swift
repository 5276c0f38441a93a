import Glibc
import LinuxSystem

/// One directory of unit files (/etc/systemd/system and its like), and mptcpize's
/// drop-ins in it.
///
/// Everything is first written into `.mptcpize-new`, which systemd ignores. When nothing more can
/// fail for lack of space, rename(2) moves it to its place: at any moment a unit's drop-in is
/// complete or absent. The next mptcpize removes what a killed one left. A lock on the directory
/// itself makes them take turns.
package struct DropInStore: Sendable {
    /// The directory's path.
    package let path: String
    let kind: DropIn.Kind
    private static let staging = ".mptcpize-new"

    package init(_ path: String, kind: DropIn.Kind = .enabled) {
        self.path = path
        self.kind = kind
    }

    /// A drop-in to be written.
    package struct Request: Sendable {
        package let unit: UnitName
        package let dropIn: DropIn
        /// The command that takes it away, for the file's first line.
        package let undo: String

        package init(_ unit: UnitName, _ dropIn: DropIn, undo: String) {
            self.unit = unit
            self.dropIn = dropIn
            self.undo = undo
        }
    }

    /// Where a unit's drop-in lies or would lie.
    package func file(of unit: UnitName) -> String {
        "\(path)/\(unit.dropInDirectory)/\(kind.fileName)"
    }

    /// mptcpize's drop-in of a unit; nil where there is none.
    ///
    /// - Throws: `Failure` for one that cannot be read, or is not mptcpize's.
    package func installed(_ unit: UnitName) throws(Failure) -> DropIn.Installed? {
        let place = file(of: unit)
        do {
            let base = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            guard let directory = try base.directory(unit.dropInDirectory),
                let text = try directory.contents(kind.fileName)
            else { return nil }
            let environment = try directory.contents(kind.environmentFileName)
            let found = DropIn.Installed(path: place, text: text, environmentText: environment) {
                (try? base.contents($0)) ?? nil
            }
            if let found { return found }
        } catch {
            if error.rawValue == ENOENT { return nil }
            throw unwritable(place, error)
        }
        throw Failure(
            .failed, place, "was not written by mptcpize",
            remedy: "rename it to keep its contents")
    }

    /// The units that have a drop-in of this kind here, in the order of their names.
    package func units() -> [UnitName] {
        directoryEntries(path).filter { $0.hasSuffix(".d") }.compactMap { UnitName($0.dropLast(2)) }
            .filter { (try? installed($0)) != nil }
    }

    /// Writes all of these drop-ins, or none.
    ///
    /// - Returns: what was there before, for `restore`.
    package func write(_ requests: [Request]) throws(Failure) -> Undo {
        let made = try makeMissing()
        var undo = Undo(store: self, before: [])
        do {
            let base = try openOwn()
            try lock(base)
            try base.removeTree(Self.staging)
            defer { try? base.removeTree(Self.staging) }
            try base.makeDirectory(Self.staging)
            let stage = try base.directory(Self.staging)!
            for request in requests {
                let previous = try installed(request.unit)
                try self.stage(
                    request, in: stage,
                    directoriesMade: directoriesMade(for: request.unit, replacing: previous, made))
                undo.before.append((request.unit, previous))
            }
            for request in requests { try commit(request, from: stage, to: base) }
            for dropIn in requests.map(\.dropIn) {
                try putCompanion(dropIn.companion, dropIn.link, from: stage, to: base)
            }
            try base.synchronize()
            return undo
        } catch {
            try? undo.perform()
            removeMade(made)
            if let failure = error as? Failure { throw failure }
            throw unwritable(path, error as? Errno ?? Errno(rawValue: EIO))
        }
    }

    /// Removes mptcpize's drop-in of a unit, and the directories that were made for it.
    ///
    /// - Returns: what was there; nil when there was nothing.
    @discardableResult
    package func remove(_ unit: UnitName) throws(Failure) -> DropIn.Installed? {
        let found = try installed(unit)
        let directoriesMade = found?.directoriesMade ?? 0
        if let found { try removeCompanion(of: unit, found) }
        do {
            let base = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            try lock(base)
            try base.removeTree(Self.staging)
            guard found != nil, let directory = try base.directory(unit.dropInDirectory) else {
                return nil
            }
            let own = [kind.fileName, kind.environmentFileName]
            if directoriesMade > 0, Set(try directory.entries()).isSubset(of: own) {
                try base.rename(unit.dropInDirectory, to: base, as: Self.staging)
                try base.removeTree(Self.staging)
            } else {
                for name in own { try directory.unlink(name) }
            }
            try base.synchronize()
        } catch {
            if found == nil, error.rawValue == ENOENT { return nil }
            let failure = unwritable(found?.path ?? path, error)
            guard error.rawValue == EROFS else { throw failure }
            throw Failure(
                failure.status, failure.object, failure.reason,
                remedy: "remount its file system so that it can be written, and try again")
        }
        removeMade(directoriesMade - 1)
        return found
    }

    /// What `write` replaced.
    package struct Undo: Sendable {
        let store: DropInStore
        var before: [(unit: UnitName, installed: DropIn.Installed?)]

        /// Puts everything back as it was before.
        package func perform() throws(Failure) {
            for (unit, installed) in before {
                guard let installed else {
                    try store.remove(unit)
                    continue
                }
                guard let now = try store.installed(unit), now != installed else { continue }
                try store.rewrite(unit, installed)
            }
        }
    }

    private func rewrite(_ unit: UnitName, _ installed: DropIn.Installed) throws(Failure) {
        do {
            let base = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            try lock(base)
            try base.removeTree(Self.staging)
            try base.makeDirectory(Self.staging)
            let stage = try base.directory(Self.staging)!
            try stage.writeFile(kind.fileName, installed.text)
            if let text = installed.environmentText {
                try stage.writeFile(kind.environmentFileName, text)
            }
            guard let directory = try base.directory(unit.dropInDirectory) else { return }
            try replaceFiles(of: directory, by: stage)
            try putCompanion(installed.companion, installed.link, from: stage, to: base)
            try base.removeTree(Self.staging)
        } catch {
            throw unwritable(installed.path, error)
        }
    }

    /// Writes one unit's files into the staging directory.
    private func stage(
        _ request: Request, in stage: borrowing Descriptor, directoriesMade: Int
    ) throws(Errno) {
        let name = request.unit.dropInDirectory
        try stage.makeDirectory(name)
        guard let directory = try stage.directory(name) else { return }
        try directory.writeFile(
            kind.fileName,
            request.dropIn.text(
                undoneBy: request.undo, in: "\(path)/\(name)", directoriesMade: directoriesMade))
        if let text = request.dropIn.environmentText(undoneBy: request.undo) {
            try directory.writeFile(kind.environmentFileName, text)
        }
        try directory.synchronize()
    }

    private func commit(
        _ request: Request, from stage: borrowing Descriptor, to base: borrowing Descriptor
    ) throws(Errno) {
        let name = request.unit.dropInDirectory
        guard let directory = try base.directory(name) else {
            try stage.rename(name, to: base, as: name)
            return
        }
        guard let staged = try stage.directory(name) else { return }
        try replaceFiles(of: directory, by: staged)
    }

    /// The file that the drop-in names goes before it, and comes away after it.
    private func replaceFiles(
        of directory: borrowing Descriptor, by staged: borrowing Descriptor
    ) throws(Errno) {
        let names = try staged.entries()
        let hasEnvironment = names.contains(kind.environmentFileName)
        if hasEnvironment {
            try staged.rename(
                kind.environmentFileName, to: directory, as: kind.environmentFileName)
        }
        try staged.rename(kind.fileName, to: directory, as: kind.fileName)
        if !hasEnvironment { try directory.unlink(kind.environmentFileName) }
        try directory.synchronize()
    }

    func lock(_ base: borrowing Descriptor) throws(Errno) {
        let number = base.number
        _ = try retrying { flock(number, LOCK_EX) }
    }

    func unwritable(_ object: String, _ error: Errno) -> Failure {
        let remedy =
            switch error.rawValue {
            case EROFS: "`mptcpize enable --runtime` writes to /run, until the next boot"
            case ELOOP, ENOTDIR: "it must be a directory, not a symbolic link"
            case EACCES, EPERM: "run it as root, or with --user for units of your own"
            case ENOSPC, EDQUOT: "make room on its file system, and try again"
            default: ""
            }
        return Failure(.failed, object, error.reason, remedy: remedy)
    }
}
