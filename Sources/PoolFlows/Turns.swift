/// One start's turn in a pool: a guest that starts again has another one.
struct Turn: Hashable {
  var pool: String
  /// The UUID.
  var guest: String
  var number: UInt64
}

/// Whose start may be placed in a pool now: one at a time, so that holds made for one start don't mislead another.
///
/// The turns of several pools are taken at once or not at all, and first come is first served, so two guests that name
/// the pools A,B and B,A can't wait for each other. Only a few may wait: each waiting hook occupies one of libvirtd's
/// worker threads, and without a free one libvirt can't serve the calls that would end the wait.
struct Turns {
  private struct Waiter {
    var id: UInt64
    var guest: String
    var pools: Set<String>
    var continuation: CheckedContinuation<Bool, Never>
  }

  /// By pool.
  private var now: [String: Turn] = [:]
  private var waiters: [Waiter] = []
  private var nextID: UInt64 = 0
  let mostWaiting: Int

  init(mostWaiting: Int = 8) { self.mostWaiting = mostWaiting }

  func holds(_ guest: String, _ pool: String) -> Bool { now[pool]?.guest == guest }
  func isOn(_ turn: Turn) -> Bool { now[turn.pool] == turn }
  /// The turns that a guest has now, by pool name.
  func turns(of guest: String) -> [Turn] { now.values.filter { $0.guest == guest }.sorted { $0.pool < $1.pool } }
  var waiting: Int { waiters.count }
  func waiting(for pool: String) -> Int { waiters.count { $0.pools.contains(pool) } }
  var isIdle: Bool { now.isEmpty && waiters.isEmpty }

  /// Takes the turns now if nobody has or waits for any of them.
  mutating func tryTake(_ pools: Set<String>, guest: String) -> Bool {
    guard isFree(pools), !waiters.contains(where: { !$0.pools.isDisjoint(with: pools) }) else { return false }
    give(pools, guest)
    return true
  }

  /// Queues up. Nil, with the continuation untouched, when too many wait already; else an id for `giveUp`.
  mutating func enqueue(
    _ pools: Set<String>, guest: String, _ continuation: CheckedContinuation<Bool, Never>
  ) -> UInt64? {
    guard waiters.count < mostWaiting else { return nil }
    nextID += 1
    waiters.append(Waiter(id: nextID, guest: guest, pools: pools, continuation: continuation))
    return nextID
  }

  /// Ends a wait that lasted too long; no effect when it has ended already.
  mutating func giveUp(_ id: UInt64) {
    guard let at = waiters.firstIndex(where: { $0.id == id }) else { return }
    waiters.remove(at: at).continuation.resume(returning: false)
    serve()
  }

  /// Ends a turn, and the next in line gets its own; no effect when it has ended already.
  mutating func end(_ turn: Turn) {
    guard isOn(turn) else { return }
    now[turn.pool] = nil
    serve()
  }

  private mutating func give(_ pools: Set<String>, _ guest: String) {
    nextID += 1
    for pool in pools { now[pool] = Turn(pool: pool, guest: guest, number: nextID) }
  }

  private func isFree(_ pools: Set<String>) -> Bool { pools.allSatisfy { now[$0] == nil } }

  private mutating func serve() {
    var wanted: Set<String> = []
    var left: [Waiter] = []
    for waiter in waiters {
      if wanted.isDisjoint(with: waiter.pools), isFree(waiter.pools) {
        give(waiter.pools, waiter.guest)
        waiter.continuation.resume(returning: true)
      } else {
        wanted.formUnion(waiter.pools)
        left.append(waiter)
      }
    }
    waiters = left
  }
}
