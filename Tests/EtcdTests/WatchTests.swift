import Etcd
import EtcdCluster
import Foundation
import Testing

extension ServerTests {
  @Suite(.oneMember) struct WatchTests {
    /// The next events, as many at least.
    private func read(_ watch: Watch, _ count: Int) async throws -> [WatchEvent] {
      try await within(.seconds(20)) {
        var events: [WatchEvent] = []
        for try await batch in watch {
          #expect(batch.events.last?.revision == batch.revision)
          events += batch.events
          if events.count >= count { break }
        }
        return events
      }
    }

    @Test func changesComeInTheirOrderWithWhatWasThere() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let key = ByteString("\(prefix)a")
        let start = try await etcd.range(.key(key)).revision
        // Two before the watch, and two after it has begun.
        try await etcd.put(key, "1")
        try await etcd.put("\(prefix.dropLast())0", "not watched")
        try await etcd.put(key, "2")
        let watch = etcd.watch([.prefix(ByteString(prefix))], after: start)
        let early = try await read(watch, 2)
        try await etcd.delete(.key(key))
        let result = try await etcd.commit(Transaction(then: [.put("\(prefix)b", "3"), .put(key, "3")]))
        let late = try await read(watch, 3)
        #expect((early + late).map(\.revision) == [1, 3, 4, 5, 5].map { start + $0 })
        #expect(result.revision == start + 5)
        guard case .put(let one, nil) = early[0], case .put(let two, let before) = early[1],
          case .delete(key, start + 4, let last) = late[0], case .put(let three, nil) = late[1]
        else {
          Issue.record("\(early) \(late)")
          return
        }
        #expect(one.value == "1" && two.value == "2" && before == one && last == two)
        #expect(two.createRevision == one.createRevision && two.version == 2)
        #expect(three.key == "\(prefix)b" && late[2].key == key)
        #expect(watch.connection == .connected(etcd.configuration.endpoints[0]))
      }
    }

    @Test func severalRangesInATotalOrder() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let start = try await etcd.range(.all, limit: 1).revision
        let ranges: [KeyRange] = [.prefix("\(prefix)c/"), .prefix("\(prefix)a/")]
        let watch = etcd.watch(ranges, after: start)
        for number in 0..<20 {
          _ = try await etcd.commit(
            Transaction(then: ["a", "b", "c"].map { .put("\(prefix)\($0)/\(number)", "") }))
        }
        var events: [WatchEvent] = []
        while events.count < 40 { events += try await read(watch, 1) }
        #expect(events.map(\.revision) == (1...20).flatMap { [start + $0, start + $0] })
        #expect(Set(events.map(\.key)) == Set((0..<20).flatMap { ["\(prefix)a/\($0)", "\(prefix)c/\($0)"] }))
      }
    }

    @Test func severalRangesEachInItsOrder() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let start = try await etcd.range(.all, limit: 1).revision
        let watch = etcd.watch(
          [.prefix("\(prefix)a/"), .key("\(prefix)c")], after: start, order: .perRange)
        for number in 0..<20 {
          _ = try await etcd.commit(
            Transaction(
              then: [.put("\(prefix)a/\(number)", ""), .put("\(prefix)b", ""), .put("\(prefix)c", "")]))
        }
        var events: [WatchEvent] = []
        while events.count < 40 { events += try await read(watch, 1) }
        let ofC = events.filter { $0.key == "\(prefix)c" }
        #expect(ofC.map(\.revision) == (1...20).map { start + $0 })
        #expect(events.filter { $0.key != "\(prefix)c" }.map(\.key) == (0..<20).map { "\(prefix)a/\($0)" })
      }
    }

    /// More than one message takes.
    @Test func tenThousandChangesWithoutLossOrRepetition() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let start = try await etcd.range(.all, limit: 1).revision
        let watch = etcd.watch([.prefix(ByteString(prefix))], after: start)
        let value = ByteString([UInt8](repeating: 97, count: 400))
        async let written: Void = {
          for number in 0..<100 {
            _ = try await etcd.commit(
              Transaction(then: (0..<100).map { .put("\(prefix)\(number * 100 + $0)", value) }))
          }
        }()
        let live = try await read(watch, 10_000)
        try await written
        let late = try await read(etcd.watch([.prefix(ByteString(prefix))], after: start), 10_000)
        for events in [live, late] {
          #expect(events.count == 10_000)
          #expect(Set(events.map(\.key)).count == 10_000)
          #expect(events.map(\.revision) == (0..<10_000).map { start + 1 + Int64($0 / 100) })
        }
      }
    }

    @Test func whatIsForgottenEndsIt() async throws {
      let cluster = try EtcdCluster.shared
      try await cluster.withClient { etcd in
        let key = ByteString(freshPrefix())
        let start = try await etcd.range(.key(key)).revision
        try await etcd.put(key, "1")
        try await etcd.put(key, "2")
        try await cluster.control("compaction", "\(start + 2)")
        let watch = etcd.watch([.key(key)], after: start)
        await #expect(throws: EtcdError.compacted(start + 2)) { try await read(watch, 1) }
        // Read anew, it goes on.
        let now = try await etcd.range(.key(key))
        #expect(now.entries.first?.value == "2")
        let next = etcd.watch([.key(key)], after: now.revision)
        try await etcd.put(key, "3")
        #expect(try await read(next, 1).map(\.revision) == [now.revision + 1])
      }
    }

    @Test func cancellationEndsItAtOnce() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let start = try await etcd.range(.all, limit: 1).revision
        let watch = etcd.watch([.prefix(ByteString(freshPrefix()))], after: start)
        let reader = Task { () -> Bool in
          for try await _ in watch {}
          return Task.isCancelled
        }
        try await Task.sleep(for: .milliseconds(300))
        reader.cancel()
        #expect(try await within(.seconds(1)) { try await reader.value })
        try await eventually(.seconds(2)) {
          if case .connected = watch.connection { throw Unexpected("still connected") }
        }
      }
    }

    /// A peer that is gone without a word doesn't stay unnoticed.
    @Test func itsConnectionIsLookedAfterByTheKernel() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let watch = etcd.watch([.all], after: try await etcd.range(.all, limit: 1).revision)
        try await eventually(.seconds(5)) {
          guard case .connected = watch.connection else { throw Unexpected("\(watch.connection)") }
        }
        let port = String(etcd.configuration.endpoints[0].port, radix: 16, uppercase: true)
        // sl, local, remote, state, queues, timer:when, …; proc(5): timer 02 is keepalive's, in hundredths of a second.
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/net/tcp"))
        let connections = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
          .map { $0.split(separator: " ") }.filter { $0.count > 9 && $0[2].hasSuffix(":\(port)") && $0[3] == "01" }
        // A member connects to itself, too.
        let own = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
          try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        // 01: something is under way just now, for other tests.
        let timers = connections.filter { own.contains("socket:[\($0[9])]") }.map { $0[5].split(separator: ":") }
          .filter { $0[0] != "01" }
        #expect(!timers.isEmpty, "\(connections)")
        #expect(timers.allSatisfy { $0[0] == "02" && Int($0[1], radix: 16) ?? .max <= 1600 }, "\(connections)")
      }
    }

    @Test func shutdownEndsIt() async throws {
      let cluster = try EtcdCluster.shared
      let etcd = try EtcdClient(try cluster.configuration(), log: quiet)
      let watch = etcd.watch([.all], after: try await etcd.range(.all, limit: 1).revision)
      try await Task.sleep(for: .milliseconds(200))
      await etcd.shutdown()
      #expect(try await within(.seconds(1)) { try await watch.first { _ in true } } == nil)
      let late = etcd.watch([.all], after: 1)
      await #expect(throws: EtcdError.cancelled) {
        try await within(.seconds(1)) { try await late.first { _ in true } }
      }
    }
  }
}
