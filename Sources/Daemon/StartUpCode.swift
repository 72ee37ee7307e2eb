import Glibc
import Sysfs

/// Code that start-up ran and that an idle daemon doesn't need in its memory.
enum StartUpCode {
  /// Gives all code pages back; those that are run again come back from the page cache, one minor fault each 64 KiB.
  static func giveBack() {
    guard let maps = try? MemoryMappings.read() else { return }
    for range in ranges(in: maps) {
      madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
    }
  }

  /// What `proc(5)`'s maps list as mapped from a file, executable and never writable. Read-only data is left alone: part
  /// of it was written by the dynamic linker, and its pages would come back without that.
  static func ranges(in maps: String) -> [Range<UInt>] {
    maps.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
      guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }).hasPrefix("/") else {
        return nil
      }
      let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      return ends.count == 2 && ends[0] < ends[1] ? ends[0]..<ends[1] : nil
    }
  }
}
