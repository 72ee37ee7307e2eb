import Foundation
import Glibc
import LedgerStore
import PoolModel

/// `vfpoold ledger check | backup FILE | restore FILE | rebuild`, which `vfpool ledger` runs: prints a `LedgerSurvey` as
/// JSON, or says on standard error why not.
public enum LedgerTool {
  /// `arguments`: those behind `ledger`. Returns the exit code.
  public static func run(_ arguments: [String]) -> Int32 {
    let ledger = DaemonConfiguration.ofHost.ledger
    let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    let audit = { (object: String) in
      AuditEntry(
        time: now, uid: getuid(), user: getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) }, pid: getppid(),
        operation: "ledger \(arguments.first ?? "")", object: object, outcome: "done", until: now)
    }
    do throws(LedgerError) {
      let survey: LedgerSurvey
      switch (arguments.first, arguments.dropFirst().first) {
      case ("check", let file): survey = try LedgerCare.check(file ?? ledger)
      case ("backup", let file?): survey = try LedgerCare.backUp(ledger, to: file)
      case ("restore", let file?): survey = try LedgerCare.restore(ledger, from: file, audit: audit("file=\(file)"))
      case ("rebuild", nil): survey = try LedgerCare.rebuild(ledger, audit: audit(""))
      default:
        complain("usage: vfpoold ledger check [FILE] | backup FILE | restore FILE | rebuild")
        return 2
      }
      guard let data = try? JSONEncoder().encode(survey) else { return 1 }
      print(String(decoding: data, as: UTF8.self))
      return 0
    } catch {
      complain("\(error)")
      return 1
    }
  }

  private static func complain(_ text: String) { FileHandle.standardError.write(Data("vfpoold: \(text)\n".utf8)) }
}
