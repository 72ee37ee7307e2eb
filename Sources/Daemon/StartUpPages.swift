import Glibc
import Sysfs

/// Code and constants of the executable and its libraries that start-up needed and an idle daemon doesn't.
enum StartUpPages {
  /// Gives all of these pages back; what is needed again comes back from the page cache, 64 KiB with each minor fault.
  static func giveBack() {
    // Read twice: a library that is being loaded is for a moment mapped as what it isn't in the end.
    guard let first = try? MemoryMappings.read(), let second = try? MemoryMappings.read() else { return }
    let steady = Set(ranges(in: first))
    for range in ranges(in: second) where steady.contains(range) {
      madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
    }
  }

  /// What `proc(5)`'s smaps list as mapped from a file, read-only, and without a page of its own, in memory or swapped out:
  /// what the dynamic linker has written is read-only too by now, and its pages would come back without that.
  static func ranges(in mappings: String) -> [Range<UInt>] {
    var found: [Range<UInt>] = []
    var candidate: Range<UInt>?
    for line in mappings.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      if let first = fields.first, !first.hasSuffix(":") {
        candidate = nil
        let ends = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard fields.count >= 6, ["r-xp", "r--p"].contains(fields[1]), fields[5].hasPrefix("/"), ends.count == 2,
          ends[0] < ends[1]
        else { continue }
        candidate = ends[0]..<ends[1]
      } else if fields.count == 3, fields[0] == "Anonymous:", fields[1] != "0" {
        candidate = nil
      } else if let range = candidate, fields.count == 3, fields[0] == "Swap:", fields[1] == "0" {
        found.append(range)
      }
    }
    return found
  }
}
