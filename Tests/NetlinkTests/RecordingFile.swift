import Foundation
import Testing

/// A message of a kernel, from `recordings`, as `Tests/lab/record.py` wrote it there and describes it.
struct RecordingFile {
  /// The octets that the kernel sent.
  let bytes: [UInt8]
  /// Where the VF list's header is; nil when there is no second VF.
  private(set) var list: Int?

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "recordings")

  /// Fails when what is read doesn't have the checksum that the octets had on the wire.
  init(_ name: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: "\(name).txt"), encoding: .utf8)
    var (bytes, checksum) = ([UInt8](), Substring())
    var (first, last, index) = (0, 0..<0, UInt32(0))
    var places: [Int] = []
    for line in text.split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split(separator: " ")
      switch words.first {
      case "checksum": checksum = words[1]
      case "index":
        places = try words.dropFirst().map { try #require(Int($0)) }
        last = first..<bytes.count
        list = first - 4
      case "+":
        let isRun = words.count == 2 && words[1].first == "*"
        for _ in 0..<(isRun ? try #require(Int(words[1].dropFirst())) : 1) {
          var vf = Array(bytes[last])
          index += 1
          for place in places { vf.replaceSubrange(place..<place + 4, with: Self.octets(index)) }
          for patch in isRun ? [] : words.dropFirst() { try Self.apply(patch, to: &vf) }
          last = bytes.count..<bytes.count + vf.count
          bytes += vf
        }
      case "end": break
      default:
        if line.hasSuffix("# IFLA_VF_INFO") { first = bytes.count }
        bytes += Hex.bytes(String(line))
      }
    }
    try #require(Self.checksum(bytes) == UInt64(checksum, radix: 16), "\(name) isn't as it was recorded")
    self.bytes = bytes
  }

  /// The list's length as the message states it: 16 bits of it.
  var statedListLength: Int? { list.map { Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8 } }

  /// The message cut off after `length` octets, with a header that admits it.
  func cut(to length: Int) -> [UInt8] { Self.octets(UInt32(length)) + bytes[4..<length] }

  /// `OFFSET:OCTETS`
  private static func apply(_ patch: Substring, to vf: inout [UInt8]) throws {
    let halves = patch.split(separator: ":")
    var place = try #require(Int(halves[0]))
    var digits = halves[1]
    while !digits.isEmpty {
      vf[place] = try #require(UInt8(digits.prefix(2), radix: 16))
      digits = digits.dropFirst(2)
      place += 1
    }
  }

  /// Little-endian, as on the host of the recordings.
  private static func octets(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

  /// FNV-1a, 64 bits.
  private static func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
