import ControlAPI
import Foundation
import PoolFlows
import PoolModel

/// A list of MACs to bind: lines `GUEST POOL[/POSITION] MAC` with comments behind `#`, or the JSON of `mac list --json`.
enum MACImport {
  /// Of such a list, in bytes.
  static let limit = 4 << 20

  /// Each request with its line; what is none says why. Throws when the list as a whole can't be read.
  static func entries(_ bytes: some Collection<UInt8>) throws(FlowError) -> [MACImportEntry] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FlowError(.invalid, "the list of MACs is not UTF-8")
    }
    return text.first { !$0.isWhitespace } == "[" ? try rows(text) : lines(text)
  }

  // MARK: Text

  private static func lines(_ text: String) -> [MACImportEntry] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap { place, line in
      let line = line.prefix { $0 != "#" }
      guard line.contains(where: { !$0.isWhitespace }) else { return nil }
      return MACImportEntry(line: place + 1, request: Result { () throws(FlowError) in try request(line) })
    }
  }

  private static func request(_ line: Substring) throws(FlowError) -> MACRequest {
    let words = line.split(whereSeparator: \.isWhitespace)
    guard words.count >= 3 else {
      throw FlowError(.invalid, "“\(words.joined(separator: " "))” is not GUEST POOL[/POSITION] MAC")
    }
    let (nic, mac) = (words[words.count - 2], words[words.count - 1])
    // A guest's name may have blanks in it.
    let guest = line[words[0].startIndex..<words[words.count - 3].endIndex]
    return MACRequest(
      guest: String(guest), nic: try value(nic, NICName.shape), mac: try value(mac, MACAddress.shape))
  }

  private static func value<Value: LosslessStringConvertible>(
    _ text: Substring, _ shape: String
  ) throws(FlowError) -> Value {
    guard let value = Value(String(text)) else { throw FlowError(.invalid, "“\(text)” is not \(shape)") }
    return value
  }

  // MARK: JSON

  private static func rows(_ text: String) throws(FlowError) -> [MACImportEntry] {
    let rows: [LenientRow]
    do { rows = try JSONDecoder().decode([LenientRow].self, from: Data(text.utf8)) } catch {
      throw FlowError(.invalid, "the list of MACs is not the JSON that `vfpool mac list --json` prints")
    }
    return zip(startLines(ofElementsIn: text), rows).map { line, row in
      MACImportEntry(line: line, request: row.request)
    }
  }

  /// What is needed of a MACRow.
  private struct Row: Decodable {
    var mac: MACAddress
    var guest: String
    var guestUUID: String?
    var pool: String
    var nic: UInt16
  }

  /// A row, or what is wrong with it.
  private struct LenientRow: Decodable {
    var request: Result<MACRequest, FlowError>

    init(from decoder: any Decoder) throws {
      do {
        let row = try Row(from: decoder)
        request = .success(
          MACRequest(
            guest: row.guest, guestUUID: row.guestUUID, nic: NICName(pool: row.pool, position: Int(row.nic)),
            mac: row.mac))
      } catch let error as DecodingError {
        request = .failure(FlowError(.invalid, error.words(as: "what it is in `vfpool mac list --json`")))
      }
    }
  }

  /// The line on which each element of a JSON array begins.
  private static func startLines(ofElementsIn json: String) -> [Int] {
    var lines: [Int] = []
    var (line, depth, isInString, isEscaped, isAwaited) = (1, 0, false, false, false)
    for byte in json.utf8 {
      if byte == UInt8(ascii: "\n") { line += 1 }
      if isInString {
        if byte == UInt8(ascii: "\""), !isEscaped { isInString = false }
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        continue
      }
      let isBlank = byte == UInt8(ascii: " ") || (9...13).contains(byte)
      if isAwaited, !isBlank, byte != UInt8(ascii: "]") || depth > 1 {
        lines.append(line)
        isAwaited = false
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth == 1 { isAwaited = true }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ",") where depth == 1: isAwaited = true
      default: break
      }
    }
    return lines
  }
}
