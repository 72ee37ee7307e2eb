import Synchronization
import Testing

@testable import PoolFlows

struct UnplugsTests {
  private static let device = Unplugs.Device(guest: "u", alias: "hostdev0")

  /// The answer that a waiter gets; `before`, `after`: what happens before and after it begins to wait.
  private func answer(
    before: (inout Unplugs) -> Void = { _ in }, after: @escaping @Sendable (inout Unplugs) -> Void = { _ in }
  ) async -> Unplugs.Answer {
    var unplugs = Unplugs()
    unplugs.begin(Self.device)
    before(&unplugs)
    let box = Mutex(unplugs)
    return await withCheckedContinuation { continuation in
      box.withLock { $0.wait(for: Self.device, continuation) }
      box.withLock { after(&$0) }
    }
  }

  @Test func theFirstAnswerCounts() async {
    #expect(await answer(before: { $0.answer(.letGo, Self.device) }) == .letGo)
    #expect(
      await answer(before: { $0.answer(.refused, Self.device) }, after: { $0.answer(.letGo, Self.device) }) == .refused)
    #expect(await answer(after: { $0.answer(.none, Self.device) }) == .none)
    #expect(await answer(after: { $0.end(ofGuest: "u") }) == .guestStopped)
    #expect(await answer(after: { $0.connectionLost() }) == .none)
  }

  @Test func whoWasAskedIsRememberedUntilItAnswers() {
    var unplugs = Unplugs()
    #expect(!unplugs.isAsked(Self.device))
    unplugs.begin(Self.device)
    #expect(unplugs.isUnderWay(Self.device) && unplugs.isAsked(Self.device))
    unplugs.end(Self.device, isIgnored: true)
    #expect(!unplugs.isUnderWay(Self.device) && unplugs.isAsked(Self.device))
    unplugs.answer(.refused, Self.device)
    #expect(!unplugs.isAsked(Self.device))
    unplugs.begin(Self.device)
    unplugs.end(Self.device, isIgnored: true)
    unplugs.end(ofGuest: "u")
    #expect(!unplugs.isAsked(Self.device))
  }
}
