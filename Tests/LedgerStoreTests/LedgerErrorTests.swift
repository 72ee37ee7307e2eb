import Testing

@testable import LedgerStore

struct LedgerErrorTests {
  @Test(arguments: [
    (LedgerError.Code.unavailable, "can't open the ledger /l: why; see to its folder's rights and space"),
    (.damaged, "the ledger /l is damaged (why): put a backup in its place"),
    (.newerVersion, "the ledger /l was made by a newer vfpool (why): install that version again"),
    (.refused, "the ledger /l refused a change, nothing of it was done: why"),
    (.failed, "can't open the ledger /l: why"),
  ])
  func namesTheLedgerAndTheWayOut(code: LedgerError.Code, expected: String) {
    let text = LedgerError(code: code, operation: "open", path: "/l", detail: "why").description
    #expect(text.hasPrefix(expected), "\(text)")
  }
}
