import ControlAPI
import Etcd
import EtcdCluster
import Fleet
import FlowFakes
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import Synchronization
import Testing

private final class Histories: Sendable {
  let all = Mutex<[MACAddress: [MACHistory.Operation]]>([:])
  /// The hosts that etcd has let down at some time.
  let away = Mutex<Set<String>>([])
}

extension SiteTests {
  /// Hosts that take and release the same MACs all at once, while etcd's members are killed and stand still.
  @Suite struct HistoryTests {
    private static let macs = (0..<4).map { MACAddress(value: 0x5254_0000_7000 | UInt64($0)) }

    @Test func aMACNeverHasTwoOwners() async throws {
      try await Site.withThree { site, hosts in
        let histories = Histories()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
          for (place, host) in hosts.enumerated() {
            for (number, mac) in Self.macs.enumerated() {
              tasks.addTask {
                let mine = guest(100 * (place + 1) + number, mac)
                for _ in 0..<12 {
                  let begin = ContinuousClock.now
                  let wasIn = host.isIn
                  let refusal = await host.start(mine)
                  if !wasIn || !host.isIn || ContinuousClock.now - begin > .seconds(1) {
                    histories.away.withLock { _ = $0.insert(host.name) }
                  }
                  let end = ContinuousClock.now
                  // What etcd couldn't be asked about says nothing, nor does what it was told behind time.
                  let owners = await Self.owners(mac, host, site)
                  let isTold = owners == [host.name]
                  // Two there may be where one of them could not be asked.
                  if let owners, owners.count > 1 {
                    #expect(!histories.away.withLock { $0 }.isDisjoint(with: owners), "\(mac) is live on \(owners)")
                  }
                  if let refusal {
                    #expect(refusal.contains("uses on host"), "\(refusal)")
                    histories.all.withLock {
                      $0[mac, default: []].append(
                        .init(action: .take(host: place, isDone: false), begin: begin, end: end))
                    }
                    try await Task.sleep(for: .milliseconds(Int.random(in: 1...30)))
                    continue
                  }
                  let action: MACHistory.Action =
                    wasIn && isTold ? .take(host: place, isDone: true) : .tryTake(host: place)
                  histories.all.withLock {
                    $0[mac, default: []].append(
                      .init(action: action, begin: begin, end: isTold ? end : nil))
                  }
                  try await Task.sleep(for: .milliseconds(Int.random(in: 1...30)))
                  let stop = ContinuousClock.now
                  await host.stop(mine)
                  try await eventually("it is let go", seconds: 60) {
                    await Self.owners(mac, host, site)?.contains(host.name) == false
                  }
                  histories.all.withLock {
                    $0[mac, default: []].append(.init(action: .release(host: place), begin: stop, end: .now))
                  }
                }
              }
            }
          }
          tasks.addTask {
            for round in 0..<4 {
              try await Task.sleep(for: .milliseconds(700))
              let member = round % 3
              if round.isMultiple(of: 2) {
                site.cluster.pause(member)
                try await Task.sleep(for: .milliseconds(600))
                site.cluster.resume(member)
              } else {
                site.cluster.kill(member)
                try await Task.sleep(for: .milliseconds(600))
                try site.cluster.start(member)
              }
            }
          }
          try await tasks.waitForAll()
        }
        for (mac, operations) in histories.all.withLock({ $0 }) {
          #expect(operations.count >= 36)
          #expect(MACHistory(operations: operations).isLinearizable, "\(mac): \(operations)")
        }
      }
    }

    /// The hosts on which a MAC is live; nil: it can't be read.
    private static func owners(_ mac: MACAddress, _ host: Site.Host, _ site: Site) async -> [String]? {
      let prefix = site.keys.all(.live, of: mac.description)
      return try? await host.client.range(.prefix(ByteString(prefix))).entries.map {
        String("\($0.key)".dropFirst(prefix.count))
      }
    }

    // MARK: The checker itself

    private static func history(_ operations: [(MACHistory.Action, Int, Int?)]) -> MACHistory {
      let zero = ContinuousClock.now
      return MACHistory(
        operations: operations.map { action, begin, end in
          .init(action: action, begin: zero + .seconds(begin), end: end.map { zero + .seconds($0) })
        })
    }

    @Test func theCheckerTellsGoodFromBad() {
      let good = Self.history([
        (.take(host: 0, isDone: true), 0, 2), (.take(host: 1, isDone: false), 1, 3), (.release(host: 0), 4, 5),
        (.take(host: 1, isDone: true), 4, 6),
      ])
      #expect(good.isLinearizable)
      let twoOwners = Self.history([(.take(host: 0, isDone: true), 0, 1), (.take(host: 1, isDone: true), 2, 3)])
      #expect(!twoOwners.isLinearizable)
      let refusedForNothing = Self.history([(.take(host: 0, isDone: false), 0, 1)])
      #expect(!refusedForNothing.isLinearizable)
      let staleRefusal = Self.history([
        (.take(host: 0, isDone: true), 0, 1), (.release(host: 0), 2, 3), (.take(host: 1, isDone: false), 4, 5),
      ])
      #expect(!staleRefusal.isLinearizable)
      let doubtful = Self.history([(.tryTake(host: 0), 0, nil), (.take(host: 1, isDone: false), 3, 4)])
      #expect(doubtful.isLinearizable)
    }
  }
}
