import Glibc
import HostFakes
import Testing

@testable import Doctor

@Suite struct LedgerChecksTests {
  static let folder = "/var/lib/vfpool"
  static let ledger = "\(folder)/ledger.sqlite"
  static let header = "SQLite format 3\0"

  private func host(_ content: String = header + "…", mode: mode_t = 0o600) throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.file(Self.ledger, content, mode: mode)
    chmod(host.root + Self.folder, 0o700)
    return host
  }

  @Test func fine() throws {
    let host = try host()
    for name in CheckName.allCases where name.group == .ledger && name != .ledgerSpace {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
  }

  @Test func notYetThere() throws {
    let host = try FakeHost(.intel)
    for name in CheckName.allCases where name.group == .ledger {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
    #expect(host.check(.ledgerFile)?.evidence[0].contains("vfpoold makes it") == true)
    try host.file("/run/vfpool/vfpool.sock", "")
    #expect(host.check(.ledgerFile)?.verdict == .fault)
  }

  @Test(arguments: [("", .warning), ("SQLite", .fault), ("ledger of another kind", .fault)] as [(String, Verdict)])
  func noDatabase(content: String, verdict: Verdict) throws {
    #expect(try host(content).check(.ledgerFile)?.verdict == verdict)
  }

  /// A folder where the file should be can't be read by root either.
  @Test func whatCannotBeReadIsUnknown() throws {
    let host = try FakeHost(.intel)
    try host.folder(Self.ledger)
    let check = try #require(host.check(.ledgerFile, isRoot: false))
    #expect(check.verdict == .unknown)
    #expect(check.fix == ["run vfpool doctor as root"])
  }

  @Test(
    arguments: [(0o640, 0o700, .warning, 1), (0o600, 0o755, .warning, 1), (0o666, 0o777, .fault, 2)]
      as [(mode_t, mode_t, Verdict, Int)])
  func rightsOfOthers(file: mode_t, folder: mode_t, verdict: Verdict, count: Int) throws {
    let host = try host(mode: file)
    chmod(host.root + Self.folder, folder)
    let check = try #require(host.check(.ledgerRights))
    #expect(check.verdict == verdict)
    #expect(check.fix.count == count && check.fix.allSatisfy { $0.hasPrefix("chmod 0") })
  }

  @Test(
    arguments: [
      (200_000_000, nil, false, .ok), (99_000_000, 5, false, .warning), (9_000_000, 5, false, .fault),
      (200_000_000, 0, false, .fault), (200_000_000, nil, true, .fault),
    ] as [(UInt64, UInt64?, Bool, Verdict)])
  func space(bytes: UInt64, files: UInt64?, isReadOnly: Bool, verdict: Verdict) {
    let space = FileSystemSpace(freeBytes: bytes, freeFiles: files, isReadOnly: isReadOnly)
    let check = Examination.check(space, Self.folder)
    #expect(check.verdict == verdict)
    #expect(check.fix.isEmpty == (verdict == .ok))
  }

  @Test func theConfiguredLedgerIsLookedAt() throws {
    let host = try host("broken")
    try host.file("/etc/vfpool/vfpool.conf", "#ledger = /x\n ledger = /srv/vfpool/l.sqlite # moved\n")
    try host.file("/srv/vfpool/l.sqlite", Self.header)
    #expect(host.check(.ledgerFile)?.evidence == ["/srv/vfpool/l.sqlite is a database"])
  }

  @Test func aLogThatHasGrown() throws {
    let host = try host()
    try host.file(Self.ledger + "-wal", "")
    #expect(host.check(.ledgerLog)?.verdict == .ok)
    #expect(truncate(host.root + Self.ledger + "-wal", 65 << 20) == 0)
    #expect(host.check(.ledgerLog)?.evidence[0].contains("65 MiB") == true)
    #expect(host.check(.ledgerLog)?.verdict == .warning)
  }

  @Test func countsForTheNextBoot() throws {
    let host = try host()
    try host.pf("enp1s0", at: "0000:01:00.0", vfs: 2)
    try host.file("\(Self.folder)/vf-counts", "0000:01:00.0 52:54:00:aa:00:01 enp1s0 2\n")
    #expect(host.check(.vfCountsFile)?.evidence == ["VFs to make at boot: 2 on enp1s0"])
    try host.file(
      "\(Self.folder)/vf-counts", "0000:01:00.0 - enp1s0 9\n0000:09:00.0 - enp9s0 4\nfour of them\n")
    let check = try #require(host.check(.vfCountsFile))
    #expect(check.verdict == .warning)
    #expect(check.evidence.count == 3)
    #expect(check.evidence[0].hasPrefix("\(Self.folder)/vf-counts, line 3: "))
  }
}
