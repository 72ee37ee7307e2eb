import Foundation
import Sysfs
import Testing

@testable import Daemon

@Suite struct StartUpPagesTests {
  @Test func onlyWhatIsMappedReadOnlyAndWasNeverWritten() {
    let mapping = { (head: String, anonymous: Int, swapped: Int) in
      "\(head)\nSize:   4 kB\nRss:    4 kB\nAnonymous:  \(anonymous) kB\nSwap:  \(swapped) kB\nVmFlags: rd mr mw me\n"
    }
    let mappings =
      mapping("00001000-00002000 r--p 00000000 fe:00 16441438         /usr/sbin/vfpoold", 0, 0)
      + mapping("00002000-00004000 r-xp 00001000 fe:00 16441438         /usr/sbin/vfpoold", 0, 0)
      + mapping("00004000-00004800 r--p 00003000 fe:00 16441438         /usr/sbin/vfpoold", 4, 0)
      + mapping("00004800-00005000 r--p 00003000 fe:00 16441438         /usr/sbin/vfpoold", 0, 4)
      + mapping("00005000-00006000 rw-p 00004000 fe:00 16441438         /usr/sbin/vfpoold", 0, 0)
      + mapping("00006000-00007000 r-xp 00000000 00:00 0 ", 0, 0)
      + mapping("7f0000003000-7f0000004000 r-xp 00001000 fe:00 17       /usr/lib/with a space.so", 0, 0)
      + mapping("7ffd5b5d6000-7ffd5b5d8000 r-xp 00000000 00:00 0        [vdso]", 0, 0)
    #expect(
      StartUpPages.ranges(in: mappings) == [
        0x1000..<0x2000, 0x2000..<0x4000, 0x7f00_0000_3000..<0x7f00_0000_4000,
      ])
  }

  @Test func ownLibrariesAreAmongThem() throws {
    let mappings = try MemoryMappings.read()
    let ranges = StartUpPages.ranges(in: mappings)
    #expect(mappings.contains("libc.so.6"))
    #expect(ranges.count > 10)
    let mine = unsafeBitCast(malloc as @convention(c) (Int) -> UnsafeMutableRawPointer?, to: UInt.self)
    #expect(ranges.contains { $0.contains(mine) })
  }

  @Test func residentMemoryShrinksAndCodeStillRuns() throws {
    func residentKiB() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
      return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }
    let before = try residentKiB()
    StartUpPages.giveBack()
    let after = try residentKiB()
    #expect(after < before)
  }
}
