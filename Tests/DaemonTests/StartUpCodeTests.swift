import Foundation
import Sysfs
import Testing

@testable import Daemon

@Suite struct StartUpCodeTests {
  @Test func onlyCodeOfFilesThatIsNeverWritten() {
    let maps = """
      55e7120bd000-55e71270a000 r--p 00000000 fe:00 16441438                   /usr/sbin/vfpoold
      55e71270a000-55e713c88000 r-xp 0064c000 fe:00 16441438                   /usr/sbin/vfpoold
      55e713d67000-55e7161e1000 rw-p 01ca7000 fe:00 16441438                   /usr/sbin/vfpoold
      7f0000001000-7f0000002000 rwxp 00000000 00:00 0 
      7f0000003000-7f0000004000 r-xp 00001000 fe:00 17                         /usr/lib/with a space.so
      7ffd5b5d6000-7ffd5b5d8000 r-xp 00000000 00:00 0                          [vdso]
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
      """
    #expect(
      StartUpCode.ranges(in: maps) == [0x55e7_1270_a000..<0x55e7_13c8_8000, 0x7f00_0000_3000..<0x7f00_0000_4000])
  }

  /// procfs hands its files out a page at a time: the libraries come after the first.
  @Test func allMappingsAreRead() throws {
    let maps = try MemoryMappings.read()
    #expect(maps.contains("/libc.so.6"))
    #expect(maps.contains("[vdso]"))
  }

  @Test func residentMemoryShrinksAndCodeStillRuns() throws {
    func residentKiB() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
      return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }
    let before = try residentKiB()
    StartUpCode.giveBack()
    let after = try residentKiB()
    #expect(after < before)
  }
}
