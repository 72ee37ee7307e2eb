import Etcd
import EtcdCluster
import Foundation
import Synchronization
import Testing

extension FaultTests {
  /// Watches whose members stop.
  @Suite struct WatchFailoverTests {
    /// A watch whose changes are gathered as they come.
    private final class Gathering: Sendable {
      private let found = Mutex<[WatchEvent]>([])
      private let end = Mutex<Result<Void, EtcdError>?>(nil)
      let watch: Watch

      init(_ watch: Watch) {
        self.watch = watch
        Task { [self] in
          do throws(EtcdError) {
            for try await batch in watch { found.withLock { $0 += batch.events } }
            end.withLock { $0 = .success(()) }
          } catch {
            end.withLock { $0 = .failure(error) }
          }
        }
      }

      var events: [WatchEvent] { found.withLock { $0 } }

      func connected(within limit: Duration) async throws -> EtcdEndpoint {
        try await eventually(limit) {
          guard case .connected(let endpoint) = watch.connection else { throw Unexpected("\(watch.connection)") }
          return endpoint
        }
      }

      func has(_ count: Int, within limit: Duration) async throws {
        try await eventually(limit) {
          let now = events.count
          if now < count { throw Unexpected("\(now) of \(count) changes; \(watch.connection)") }
        }
      }

      func failure(within limit: Duration) async throws -> EtcdError {
        try await eventually(limit) {
          guard case .failure(let error) = end.withLock({ $0 }) else { throw Unexpected("it goes on") }
          return error
        }
      }
    }

    /// Numbered keys, one after the other until told to stop.
    private func write(_ etcd: EtcdClient, _ prefix: String, while goesOn: borrowing Mutex<Bool>) async throws -> Int {
      var number = 0
      while goesOn.withLock({ $0 }) {
        let key = ByteString("\(prefix)\(number)")
        _ = try await eventually(.seconds(20)) { try await etcd.commit(.create(key, ""), isRepeatable: true) }
        number += 1
        try await Task.sleep(for: .milliseconds(5))
      }
      return number
    }

    @Test func nothingIsLostOrRepeatedOnARoughRide() async throws {
      let cluster = try await EtcdCluster(.init(members: 3))
      let prefix = freshPrefix()
      try await cluster.withClient({ $0.watchProbeInterval = .milliseconds(500) }) { watching in
        try await cluster.withClient { writing in
          let start = try await writing.range(.all, limit: 1).revision
          let gathering = Gathering(watching.watch([.prefix(ByteString(prefix))], after: start))
          let goesOn = Mutex(true)
          async let count = write(writing, prefix, while: goesOn)
          func member() async throws -> Int {
            let endpoint = try await gathering.connected(within: .seconds(10))
            return watching.configuration.endpoints.firstIndex(of: endpoint) ?? 0
          }
          do {
            try await gathering.has(20, within: .seconds(10))
            // Killed.
            var before = gathering.events.count
            let killed = try await member()
            cluster.kill(killed)
            try await gathering.has(before + 20, within: .seconds(10))
            try cluster.start(killed)
            try await cluster.waitUntilHealthy()
            // Stands still.
            before = gathering.events.count
            let paused = try await member()
            cluster.pause(paused)
            try await gathering.has(before + 20, within: .seconds(15))
            cluster.resume(paused)
            try await cluster.waitUntilHealthy()
            // All at once.
            for index in 0..<3 { cluster.kill(index) }
            try await Task.sleep(for: .milliseconds(300))
            before = gathering.events.count
            for index in 0..<3 { try cluster.start(index) }
            try await cluster.waitUntilHealthy()
            try await gathering.has(before + 20, within: .seconds(15))
          } catch {
            goesOn.withLock { $0 = false }
            throw error
          }
          goesOn.withLock { $0 = false }
          let written = try await count
          try await gathering.has(written, within: .seconds(5))
          #expect(gathering.events.map(\.key) == (0..<written).map { ByteString("\(prefix)\($0)") })
          let stored = try await writing.all(.prefix(ByteString(prefix))).entries
          #expect(stored.map(\.modRevision).sorted() == gathering.events.map(\.revision))
        }
      }
    }

    @Test func aPausedMemberIsNoticedByTheRequestsToIt() async throws {
      let cluster = try await EtcdCluster(.init(members: 3))
      try await cluster.withClient { etcd in
        let key = ByteString(freshPrefix())
        let start = try await etcd.range(.key(key)).revision
        let gathering = Gathering(etcd.watch([.key(key)], after: start))
        let first = try await gathering.connected(within: .seconds(5))
        let paused = try #require(etcd.configuration.endpoints.firstIndex(of: first))
        cluster.pause(paused)
        defer { cluster.resume(paused) }
        // What is asked every 30 s is not what finds it.
        _ = try await eventually(.seconds(10)) { try await etcd.put(key, "1", isRepeatable: true) }
        try await gathering.has(1, within: .seconds(8))
        #expect(try await gathering.connected(within: .seconds(1)) != first)
      }
    }

    @Test func whatWasForgottenMeanwhileIsTold() async throws {
      let cluster = try await EtcdCluster(.init(members: 3))
      try await cluster.withClient({ $0.endpoints.removeLast(2) }) { etcd in
        try await cluster.withClient({ $0.endpoints.removeFirst() }) { other in
          let key = ByteString(freshPrefix())
          let start = try await other.range(.key(key)).revision
          let gathering = Gathering(etcd.watch([.key(key)], after: start))
          _ = try await gathering.connected(within: .seconds(5))
          cluster.kill(0)
          for number in 0..<5 {
            _ = try await eventually(.seconds(10)) { try await other.put(key, "\(number)", isRepeatable: true) }
          }
          let now = try await other.range(.key(key)).revision
          try await cluster.control("compaction", "\(now)")
          try cluster.start(0)
          #expect(try await gathering.failure(within: .seconds(15)) == .compacted(now))
        }
      }
    }

    /// What changes beside the range is not what it has missed.
    @Test func aQuietWatchKeepsUp() async throws {
      let cluster = try await EtcdCluster(.init(arguments: ["--experimental-watch-progress-notify-interval", "1s"]))
      try await cluster.withClient { etcd in
        let prefix = freshPrefix()
        let start = try await etcd.range(.all, limit: 1).revision
        let gathering = Gathering(etcd.watch([.key("\(prefix)a")], after: start))
        _ = try await gathering.connected(within: .seconds(5))
        for number in 0..<5 { try await etcd.put("\(prefix)b", "\(number)") }
        // The interval has a tenth of chance in it.
        try await Task.sleep(for: .milliseconds(2500))
        try await cluster.control("compaction", "\(start + 5)")
        cluster.kill(0)
        try cluster.start(0)
        let made = try await eventually(.seconds(10)) {
          try await etcd.commit(.create("\(prefix)a", "1"), isRepeatable: true)
        }
        try await gathering.has(1, within: .seconds(10))
        #expect(gathering.events.map(\.revision) == [made.revision])
      }
    }

    @Test func aStoreThatWasPutBackIsTold() async throws {
      let cluster = try await EtcdCluster()
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).snapshot").path
      defer { try? FileManager.default.removeItem(atPath: file) }
      try await cluster.withClient { etcd in
        let prefix = freshPrefix()
        try await etcd.put("\(prefix)0", "")
        try await cluster.save(to: file)
        for number in 1...5 { try await etcd.put("\(prefix)\(number)", "") }
        let start = try await etcd.range(.all, limit: 1).revision
        let gathering = Gathering(etcd.watch([.prefix(ByteString(prefix))], after: start))
        _ = try await gathering.connected(within: .seconds(5))
        try await cluster.restore(from: file)
        #expect(try await gathering.failure(within: .seconds(15)) == .restored)
        #expect(try await etcd.count(.prefix(ByteString(prefix))) == 1)
      }
    }

    /// A member that is behind is not one that was put back.
    @Test func aMemberThatIsBehindCatchesUp() async throws {
      let cluster = try await EtcdCluster(.init(members: 3))
      try await cluster.withClient({ $0.endpoints.removeLast(2) }) { etcd in
        try await cluster.withClient({ $0.endpoints.removeFirst() }) { other in
          let key = ByteString(freshPrefix())
          cluster.kill(0)
          for number in 0..<200 {
            _ = try await eventually(.seconds(10)) { try await other.put(key, "\(number)", isRepeatable: true) }
          }
          let start = try await other.range(.key(key)).revision
          let gathering = Gathering(etcd.watch([.key(key)], after: start))
          try cluster.start(0)
          _ = try await gathering.connected(within: .seconds(15))
          try await other.put(key, "last")
          try await gathering.has(1, within: .seconds(5))
          #expect(gathering.events.map(\.revision) == [start + 1])
        }
      }
    }
  }
}
