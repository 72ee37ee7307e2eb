import Testing

@testable import PoolFlows

struct TurnsTests {
  /// An actor around the value, as the manager is.
  private actor Table {
    var turns = Turns(mostWaiting: 2)

    func take(_ pools: Set<String>, _ guest: String) -> Bool { turns.tryTake(pools, guest: guest) }
    func end(_ pool: String, _ guest: String) {
      turns.turns(of: guest).filter { $0.pool == pool }.forEach { turns.end($0) }
    }
    func end(_ turn: Turn) { turns.end(turn) }
    func holds(_ guest: String, _ pool: String) -> Bool { turns.holds(guest, pool) }
    func turns(of guest: String) -> [Turn] { turns.turns(of: guest) }
    var waiting: Int { turns.waiting }

    func wait(_ pools: Set<String>, _ guest: String, patience: Duration = .seconds(60)) async -> Bool {
      await withCheckedContinuation { continuation in
        guard let id = turns.enqueue(pools, guest: guest, continuation) else {
          return continuation.resume(returning: false)
        }
        Task {
          try? await Task.sleep(for: patience)
          self.turns.giveUp(id)
        }
      }
    }
  }

  @Test func severalPoolsAreTakenAtOnceOrNotAtAll() async {
    let table = Table()
    #expect(await table.take(["a"], "g1"))
    #expect(await !table.take(["a", "b"], "g2"))
    #expect(await table.take(["b"], "g3"))
  }

  @Test func crossedPoolsDontDeadlock() async throws {
    let table = Table()
    #expect(await table.take(["a", "b"], "g1"))
    async let second = table.wait(["b", "a"], "g2")
    try await eventually("g2 waits") { await table.waiting == 1 }
    await table.end("a", "g1")
    await table.end("b", "g1")
    #expect(await second)
  }

  @Test func tooManyWaitersAreSentOn() async throws {
    let table = Table()
    _ = await table.take(["a"], "g1")
    async let second = table.wait(["a"], "g2")
    async let third = table.wait(["a"], "g3")
    try await eventually("two wait") { await table.waiting == 2 }
    #expect(await !table.wait(["a"], "g4"))
    await table.end("a", "g1")
    #expect(await second)
    await table.end("a", "g2")
    #expect(await third)
  }

  @Test func endOfAnEarlierTurnLeavesTheSameGuestsNextOne() async throws {
    let table = Table()
    _ = await table.take(["a"], "g1")
    let earlier = try #require(await table.turns(of: "g1").first)
    await table.end(earlier)
    _ = await table.take(["a"], "g1")
    await table.end(earlier)
    #expect(await table.holds("g1", "a"))
  }

  @Test func impatientWaiterLeavesTheLine() async {
    let table = Table()
    _ = await table.take(["a"], "g1")
    #expect(await !table.wait(["a"], "g2", patience: .milliseconds(20)))
    #expect(await table.waiting == 0)
  }
}
