import ControlAPI
import SocketFakes
import Testing

@testable import Commands

/// The short way of `vf list --json`, against the long one.
@Suite struct VFListingTests {
  @Test func argumentsThatItTakes() throws {
    let plain = try #require(VFListing(["vf", "list", "--json"]))
    #expect(plain.pf == nil)
    #expect(!plain.counters)
    #expect(plain.client.readWrite == ControlClient().readWrite)
    let full = try #require(VFListing(["vf", "list", "--counters", "--pf", "p0", "--json", "--socket", "/s"]))
    #expect(full.pf == "p0")
    #expect(full.counters)
    #expect(full.client.readWrite == "/s")
    #expect(full.client.readOnly == nil)
  }

  @Test(arguments: [
    "", "vf", "vf list", "vf show --json", "list --json", "vf list --json --names", "vf list --json --json",
    "vf list --json extra", "vf list --json --pf", "vf list --json --pf --counters", "vf list --json --pf=p0",
    "vf list --json --pf a --pf b", "vf --json list", "vf list --json --help", "vf list --json -- x",
  ])
  func argumentsThatItLeaves(arguments: String) {
    #expect(VFListing(arguments.split(separator: " ").map(String.init)) == nil)
  }

  /// `--pf=` is for ArgumentParser alone.
  @Test(arguments: [true, false]) func bothWaysPrintAndFailAlike(isComplete: Bool) throws {
    var row = Rows.vf
    row.isComplete = isComplete
    let json = [row].json
    let daemon = try FakeDaemon { _ in (200, String(decoding: json, as: UTF8.self)) }
    let (short, long) = (Recording(), Recording())
    let code = short.run(["vf", "list", "--json", "--pf", row.pf, "--socket", daemon.path])
    #expect(code == (isComplete ? 0 : 1))
    #expect(long.run(["vf", "list", "--json", "--pf=\(row.pf)", "--socket", daemon.path]) == code)
    #expect(short.out == String(decoding: json, as: UTF8.self) + "\n")
    #expect(long.out == short.out)
    #expect(long.err == short.err)
  }
}
