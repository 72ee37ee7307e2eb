import PoolModel

/// A shell's (or another language's) command that writes a VF count, as far as it can be told from its text.
struct CountCommand {
  /// `.maybe` when the device is a variable.
  var match: Match
  /// Nil when it isn't a plain number.
  var count: Int?

  private static let file = "sriov_numvfs"
  private static let readers: Set<String> = [
    "[", "[[", "awk", "cat", "cmp", "grep", "head", "ls", "read", "stat", "test", "wc",
  ]
  private static let leaders: Set<String> = [
    "!", "if", "elif", "while", "until", "then", "else", "do", "sudo", "return",
  ]

  /// The write in a text that most surely means the PF, of equal ones the last; nil when none can mean it.
  static func find(in text: String, _ pf: PFIdentity) -> CountCommand? {
    guard text.contains(file) else { return nil }
    let words = tokens(text)
    var best: CountCommand?
    for place in words.indices where words[place].contains(file) && isWritten(place, words) {
      let match = device(place, words).map { pf.hasFolder($0) } ?? .maybe
      guard match != .no, match >= best?.match ?? .maybe else { continue }
      best = CountCommand(match: match, count: count(for: place, words))
    }
    return best
  }

  /// Words without quotes, and what a shell takes for words of its own, as one each.
  private static func tokens(_ text: String) -> [String] {
    var words: [String] = [""]
    for character in text {
      if character == "\"" || character == "'" { continue }
      if character.isWhitespace {
        words.append("")
      } else if ";|&()<>`=".contains(character) {
        words += [String(character), ""]
      } else {
        words[words.count - 1].append(character)
      }
    }
    return words.filter { !$0.isEmpty }
  }

  private static func isWritten(_ place: Int, _ words: [String]) -> Bool {
    guard place > 0 else { return true }
    if words[place - 1] == ">" { return true }
    if words[place - 1] == "<" { return false }
    let first = words[..<place].split { ";|&(`".contains($0) }.last?.first { word in
      // ExecStart= of units
      !leaders.contains(word) && word != "=" && !word.hasPrefix("Exec")
    }
    guard let command = first?.split(separator: "/").last else { return true }
    // ConditionPathExists= and AssertPathIsReadWrite= of units; a message.
    return !readers.contains(String(command))
      && !["Condition", "Assert", "echo", "printf", "logger"].contains { command.hasPrefix($0) }
  }

  /// The folder of sysfs whose count it is: `enp1s0` of `/sys/class/net/enp1s0/device/sriov_numvfs`, `0000:01:00.0` of
  /// `/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs`. Where the path is put together elsewhere, that of the nearest
  /// path before; nil when there is none.
  private static func device(_ place: Int, _ words: [String]) -> Substring? {
    var folders = words[place].split(separator: "/")[...]
    if let end = folders.firstIndex(where: { $0.contains(file) }) { folders = folders[..<end] }
    if folders.last == "device" { folders.removeLast() }
    if let device = folders.last { return device }
    for word in words[..<place].reversed() where word.contains("/") {
      let folders = word.split(separator: "/")
      if let parent = folders.firstIndex(where: { $0 == "net" || $0 == "devices" }), parent + 1 < folders.count {
        return folders[parent + 1]
      }
    }
    return nil
  }

  /// What is printed before, as in `echo 4 > FILE` and `echo 4 | tee FILE`, or assigned, as in `FILE = 4`.
  private static func count(for place: Int, _ words: [String]) -> Int? {
    if let print = words[..<place].lastIndex(where: { $0 == "echo" || $0 == "printf" || $0.hasSuffix("/echo") }) {
      let word = words[(print + 1)..<place].first { !$0.hasPrefix("-") }
      return word.flatMap { Int($0.hasSuffix("\\n") ? String($0.dropLast(2)) : $0) }
    }
    let rest = words[(place + 1)...]
    guard rest.first == "=" || rest.first == "<" else { return nil }
    return rest.first { $0 != "=" && $0 != "<" }.flatMap { Int($0) }
  }
}
