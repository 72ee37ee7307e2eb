import Glibc
import PoolModel

/// `pci.ids`, the list of all PCI vendors, devices and classes that people know.
///
/// Source: pciutils' `pci.ids(5)`: `8086  Intel Corporation`, below it with a tab `10c9  82576 Gigabit …`, with two tabs
/// subsystems; at the end `C 02  Network controller`, with a tab `00  Ethernet controller`.
public struct PCINameFile: Sendable {
  /// Where Debian and Fedora have it.
  public static let standardPaths = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"]

  /// The first one that is there is read.
  public let paths: [String]

  public init(paths: [String] = PCINameFile.standardPaths) { self.paths = paths }

  /// The names of `wanted` and no others, in one pass that keeps nothing of the file; none at all without a file.
  public func names(of wanted: [PCIIDs]) -> PCINames {
    for path in paths {
      if let names = try? FileAccess.withMapped(path, { PassOverNames(wanted).names(in: $0) }) { return names }
    }
    return PCINames()
  }
}

/// One pass over the file: what is wanted, and under which heading the lines are.
private struct PassOverNames {
  private enum Heading {
    case vendor(UInt16)
    case baseClass(UInt8)
    /// Its lines are not wanted.
    case other
  }

  private let vendors: Set<UInt16>
  private let devices: Set<UInt32>
  private let classes: Set<UInt16>
  private let baseClasses: Set<UInt8>
  private var heading = Heading.other
  private var names = PCINames()

  init(_ wanted: [PCIIDs]) {
    vendors = Set(wanted.map(\.vendor))
    devices = Set(wanted.map(PCINames.key))
    classes = Set(wanted.map(\.deviceClass))
    baseClasses = Set(classes.map { UInt8($0 >> 8) })
  }

  consuming func names(in file: UnsafeRawBufferPointer) -> PCINames {
    var start = 0
    while let base = file.baseAddress, start < file.count {
      let rest = file.count - start
      let length = memchr(base + start, 0x0a, rest).map { UnsafeRawPointer($0) - (base + start) } ?? rest
      take(UnsafeRawBufferPointer(start: base + start, count: length))
      start += length + 1
    }
    return names
  }

  private mutating func take(_ line: UnsafeRawBufferPointer) {
    guard line.count > 4 else { return }
    if line[0] == UInt8(ascii: "\t") {
      switch heading {
      case .other: break
      case .vendor(let vendor):
        guard let id = Self.number(line, at: 1, digits: 4) else { return }
        let key = UInt32(vendor) << 16 | id
        if devices.contains(key) { names.devices[key] = Self.name(line, from: 5) }
      case .baseClass(let base):
        guard let subclass = Self.number(line, at: 1, digits: 2) else { return }
        let key = UInt16(base) << 8 | UInt16(subclass)
        if classes.contains(key) { names.classes[key] = Self.name(line, from: 3) }
      }
    } else if line[0] == UInt8(ascii: "C"), line[1] == UInt8(ascii: " ") {
      heading = .other
      guard let base = Self.number(line, at: 2, digits: 2).map({ UInt8($0) }), baseClasses.contains(base) else {
        return
      }
      heading = .baseClass(base)
      names.baseClasses[base] = Self.name(line, from: 4)
    } else if line[0] != UInt8(ascii: "#") {
      heading = .other
      guard let vendor = Self.number(line, at: 0, digits: 4).map({ UInt16($0) }), vendors.contains(vendor) else {
        return
      }
      heading = .vendor(vendor)
      names.vendors[vendor] = Self.name(line, from: 4)
    }
  }

  /// Exactly so many lower-case hexadecimal digits, and then a blank.
  private static func number(_ line: UnsafeRawBufferPointer, at start: Int, digits: Int) -> UInt32? {
    guard line.count > start + digits, line[start + digits] == UInt8(ascii: " ") else { return nil }
    var number: UInt32 = 0
    for place in start..<start + digits {
      switch line[place] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt32(line[place] - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt32(line[place] - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return number
  }

  private static func name(_ line: UnsafeRawBufferPointer, from start: Int) -> String {
    String(decoding: line[start...], as: UTF8.self).trimmed
  }
}
