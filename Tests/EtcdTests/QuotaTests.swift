import Etcd
import EtcdCluster
import Testing

extension ServerTests {
  @Suite struct QuotaTests {
    @Test func aFullDatabaseIsToldAndWorksAgainOnceItIsNot() async throws {
      let cluster = try await EtcdCluster(.init(arguments: ["--quota-backend-bytes", "\(4 << 20)"]))
      try await cluster.withClient({ $0.requestTimeout = .seconds(10) }) { etcd in
        let prefix = freshPrefix()
        // As full as it can get.
        for size in [200_000, 1000] {
          let value = ByteString([UInt8](repeating: 120, count: size))
          let full = await #expect(throws: EtcdError.self) {
            for number in 0..<1000 { try await etcd.put("\(prefix)\(size)/\(number)", value) }
          }
          #expect(full == .noSpace)
        }
        await #expect(throws: EtcdError.noSpace) { try await etcd.put("\(prefix)small", "1") }
        await #expect(throws: EtcdError.noSpace) {
          try await etcd.commit(.create("\(prefix)small", "1"), isRepeatable: true)
        }
        await #expect(throws: EtcdError.noSpace) { try await etcd.grantLease(seconds: 60) }
        let status = try await etcd.status(of: etcd.configuration.endpoints[0])
        #expect(status.alarms == ["NOSPACE"] && status.size > 3 << 20, "\(status)")
        // Reading and deleting goes on.
        let all = KeyRange.prefix(ByteString(prefix))
        #expect(try await etcd.count(all) > 10)
        try await etcd.delete(all)
        let revision = try await etcd.range(all).revision
        await #expect(throws: EtcdError.noSpace) { try await etcd.put("\(prefix)small", "1") }
        try await cluster.control("compaction", "\(revision)", "--physical")
        try await cluster.control("defrag")
        try await cluster.control("alarm", "disarm")
        try await etcd.put("\(prefix)small", "1")
        #expect(try await etcd.status(of: etcd.configuration.endpoints[0]).alarms.isEmpty)
      }
    }
  }
}
