import ControlSocket
import Glibc
import PoolModel
import Sysfs

/// The ledger's file, looked at from outside: it is vfpoold's to open.
extension Examination {
  func ledgerChecks() -> [Check] {
    let path = ledgerPath
    return [ledgerFile(path), ledgerRights(path), ledgerSpace(path), ledgerLog(path), vfCountsFile]
  }

  static let standardLedger = "/var/lib/vfpool/ledger.sqlite"

  /// Where vfpoold's configuration says that it is.
  private var ledgerPath: String {
    let values = ConfigurationText(files.text("/etc/vfpool/vfpool.conf") ?? "")
      .filter { $0.key == "ledger" && $0.value.hasPrefix("/") }.map(\.value)
    return values.last ?? Self.standardLedger
  }

  private func folder(of path: String) -> String {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    return end == path.startIndex ? "/" : String(path[..<end])
  }

  /// Before vfpoold has run.
  private func absent(_ name: CheckName, _ path: String) -> Check {
    Check(name, .ok, ["there is no \(path) yet: vfpoold makes it when it starts for the first time"])
  }

  // MARK: - Checks

  /// The first 16 bytes of a database (https://sqlite.org/fileformat.html, 1.3).
  private static let header = Array("SQLite format 3\0".utf8)

  private func ledgerFile(_ path: String) -> Check {
    switch files.head(path, Self.header.count) {
    case .unreadable(let reason): return unknown(.ledgerFile, path, reason)
    case .absent:
      guard files.exists("/run/vfpool/vfpool.sock") else { return absent(.ledgerFile, path) }
      return Check(
        .ledgerFile, .fault, ["\(path) is gone, though vfpoold has run since the boot: what it records goes nowhere"],
        fix: ["systemctl restart vfpoold   # it begins a new ledger with what is running; guests keep running"])
    case .found([]):
      return Check(
        .ledgerFile, .warning, ["\(path) is empty: vfpoold begins anew with what is running"],
        fix: ["if there is a backup: vfpool ledger restore FILE"])
    case .found(Self.header): return Check(.ledgerFile, .ok, ["\(path) is a database"])
    case .found:
      return Check(
        .ledgerFile, .fault, ["\(path) is no SQLite database: vfpoold only looks, and records nothing"],
        fix: [
          "vfpool ledger restore FILE   # a backup",
          "or, without a backup: vfpool ledger rebuild   # keeps what can be read of it, and takes over what is running",
        ])
    }
  }

  /// It tells who had which MAC when, and says what to write to VFs.
  private func ledgerRights(_ path: String) -> Check {
    var found: [String] = []
    var fix: [String] = []
    var worst = Verdict.warning
    let owner = files.status("/").value?.st_uid ?? 0
    for (path, mode) in [(folder(of: path), "0700"), (path, "0600")] {
      switch files.status(path) {
      case .absent: return absent(.ledgerRights, path)
      case .unreadable(let reason): return unknown(.ledgerRights, path, reason, found)
      case .found(let status):
        if status.st_uid != owner {
          worst = .fault
          found.append("\(path) belongs to user \(status.st_uid), not to root")
          fix.append("chown root:root \(path)")
        }
        guard status.st_mode & 0o077 != 0 else { continue }
        if status.st_mode & 0o022 != 0 { worst = .fault }
        let what =
          status.st_mode & 0o022 == 0 ? "may be read by others than root" : "may be changed by others than root"
        found.append("\(path) \(what): its mode is 0\(String(status.st_mode & 0o7777, radix: 8))")
        fix.append("chmod \(mode) \(path)")
      }
    }
    return verdict(
      .ledgerRights, found, or: "\(path) and its folder are root's alone", as: worst, fix: fix)
  }

  private func ledgerSpace(_ path: String) -> Check {
    // The folder, which everybody may ask about.
    switch files.space(at: folder(of: path)) {
    case .absent: absent(.ledgerSpace, path)
    case .unreadable(let reason): unknown(.ledgerSpace, folder(of: path), reason)
    case .found(let space): Self.check(space, folder(of: path))
    }
  }

  static func check(_ space: FileSystemSpace, _ folder: String) -> Check {
    let mountPoint = "$(findmnt -nro TARGET -T \(folder))"
    if space.isReadOnly {
      return Check(
        .ledgerSpace, .fault,
        ["the file system of \(folder) is read-only: vfpoold can record nothing, and changes nothing"],
        fix: ["dmesg tells whether an error made it so; then: mount -o remount,rw \(mountPoint)"])
    }
    let free = space.freeBytes >> 20
    let evidence = "\(free) MiB are free in the file system of \(folder)"
    if space.freeFiles == 0 || space.freeBytes < 10_000_000 {
      return Check(
        .ledgerSpace, .fault,
        [space.freeFiles == 0 ? "the file system of \(folder) has room for no further file" : "only \(evidence)"]
          + ["when it is full, vfpoold can record nothing, and changes nothing"],
        fix: ["make room: du -xh \(mountPoint) | sort -h | tail"])
    }
    return space.freeBytes < 100_000_000
      ? Check(.ledgerSpace, .warning, ["only \(evidence)"], fix: ["make room: du -xh \(mountPoint) | sort -h | tail"])
      : Check(.ledgerSpace, .ok, [evidence])
  }

  /// SQLite writes into the file beside the database first, and takes it over when nobody reads: some MiB at most.
  private func ledgerLog(_ path: String) -> Check {
    let log = path + "-wal"
    switch files.status(log) {
    case .absent: return Check(.ledgerLog, .ok, ["there is no \(log): all is in the database"])
    case .unreadable(let reason): return unknown(.ledgerLog, log, reason)
    case .found(let status):
      let size = status.st_size >> 20
      return status.st_size > 64 << 20
        ? Check(
          .ledgerLog, .warning, ["\(log) has grown to \(size) MiB: somebody keeps the database open for reading"],
          fix: ["fuser -v \(path)   # end what isn't vfpoold", "systemctl restart vfpoold"])
        : Check(.ledgerLog, .ok, ["\(log) is small: \(size) MiB"])
    }
  }

  /// What the next boot reads before there is a ledger.
  private var vfCountsFile: Check {
    let path = VFCountFile.standardPath
    let read: (counts: [OwnVFCount], problems: [String])
    do throws(SysfsError) {
      read = try VFCountFile(path: files.root + path).read()
    } catch {
      return unknown(.vfCountsFile, path, error.text)
    }
    var found = read.problems.map { $0.hasPrefix(files.root) ? String($0.dropFirst(files.root.count)) : $0 }
    var fix = found.isEmpty ? [] : ["systemctl restart vfpoold   # writes the file anew from the ledger"]
    for count in read.counts {
      guard let pf = scan.pfs.first(where: { $0.pci == count.pci }) else {
        found.append(
          "\(count.name) at \(count.pci) is to get \(count.count) VFs at boot, and there is no such card now")
        fix.append("if it doesn't come back: remove it from the pools that name it (vfpool pool list)")
        continue
      }
      guard count.count > pf.totalVFs else { continue }
      found.append("\(pf.name) is to get \(count.count) VFs at boot, and can have \(pf.totalVFs)")
      fix.append("vfpool pf set-vfs \(pf.name) \(pf.totalVFs) --plan")
    }
    let good =
      read.counts.isEmpty
      ? "vfpool makes no VFs at boot"
      : "VFs to make at boot: \(read.counts.map { "\($0.count) on \($0.name)" }.joined(separator: ", "))"
    return verdict(.vfCountsFile, found, or: good, fix: fix)
  }
}
