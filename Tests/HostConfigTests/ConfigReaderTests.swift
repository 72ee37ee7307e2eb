import HostFakes
import Glibc
import Testing

@testable import HostConfig

@Suite struct ConfigReaderTests {
  @Test func whatIsNoTextIsPassedOver() throws {
    let host = try FakeHost()
    try host.file("/a/binary.conf", bytes: [0x7f, 0x45, 0x4c, 0x46, 0])
    try host.folder("/a/folder.conf")
    try #require(mkfifo(host.root + "/a/pipe.conf", 0o644) == 0)
    try host.link("/a/nowhere.conf", to: "gone")
    try host.file("/a/good.conf", bytes: [0x61, 0xff, 0x0d, 0x0a, 0x62])
    try host.file("/a/.hidden.conf", "a")
    var reader = ConfigReader(root: host.root)
    let files = reader.files(in: ["/none", "/a"], suffix: ".conf")
    #expect(files.map(\.path) == ["/a/good.conf"])
    #expect(files.first?.lines == ["a\u{fffd}", "b"])
    #expect(reader.problems.isEmpty)
  }

  @Test func whatCannotBeReadIsTold() throws {
    let host = try FakeHost()
    try host.link("/a/loop.conf", to: "loop.conf")
    try host.file("/a/huge.conf", bytes: [UInt8](repeating: 0x61, count: 1 << 20 | 1))
    try host.file("/a/long.conf", bytes: [UInt8](repeating: 0x61, count: 1 << 20))
    try host.link("/b", to: "b")
    var reader = ConfigReader(root: host.root)
    #expect(reader.files(in: ["/a", "/b"], suffix: ".conf").map(\.path) == ["/a/long.conf"])
    #expect(
      reader.problems == [
        "cannot read /b: too many levels of symbolic links", "/a/huge.conf is longer than 1 MiB and wasn't read",
        "cannot read /a/loop.conf: too many levels of symbolic links",
      ])
  }

  @Test func theFirstFolderGoesFirst() throws {
    let host = try FakeHost(["/b/1.conf": "b", "/b/2.conf": "b", "/b/3.conf": "b", "/a/2.conf": "a", "/a/9.conf": "a"])
    try host.link("/a/3.conf", to: "/dev/null")
    var reader = ConfigReader(root: host.root)
    let files = reader.files(in: ["/a", "/b"], suffix: ".conf")
    #expect(files.map { "\($0.path) \($0.text)" } == ["/b/1.conf b", "/a/2.conf a", "/a/3.conf ", "/a/9.conf a"])
  }

  @Test func statementsGoOverLines() {
    let text = "# a\n\n  one \\\n# between\n\t two\nthree\nfour \\"
    #expect(
      TextFile(path: "/a", text: text).statements() == [
        Statement(line: 3, text: "one  two"), Statement(line: 6, text: "three"), Statement(line: 7, text: "four "),
      ])
  }
}
