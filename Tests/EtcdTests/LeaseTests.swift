import Etcd
import EtcdCluster
import Testing

extension ServerTests {
  @Suite(.oneMember) struct LeaseTests {
    @Test func aLeaseThatEndsTakesItsKeysAlong() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let all = KeyRange.prefix(ByteString(prefix))
        let (lease, seconds) = try await etcd.grantLease(seconds: 1)
        #expect(seconds == 1)
        try await etcd.put("\(prefix)a", "1", lease: lease)
        try await etcd.put("\(prefix)b", "1", lease: lease)
        try await etcd.put("\(prefix)c", "1")
        #expect(try await etcd.range(all).entries.map(\.lease) == [lease, lease, nil])
        // Kept for longer than it would last.
        for _ in 0..<5 {
          try await Task.sleep(for: .milliseconds(400))
          #expect(try await etcd.keepAlive(lease) == 1)
        }
        #expect(try await etcd.range(all).entries.count == 3)
        let watch = etcd.watch([all], after: try await etcd.range(all).revision)
        let batch = try await within(.seconds(8)) {
          for try await batch in watch { return batch }
          throw Unexpected("the watch ended")
        }
        #expect(batch.events.map(\.key).sorted() == ["\(prefix)a", "\(prefix)b"])
        #expect(batch.events.allSatisfy { if case .delete(_, batch.revision, .some) = $0 { true } else { false } })
        #expect(try await etcd.range(all).entries.map(\.key) == ["\(prefix)c"])
        #expect(try await etcd.keepAlive(lease) == nil)
        #expect(try await etcd.revoke(lease) == false)
        await #expect(throws: EtcdError.leaseGone) { try await etcd.put("\(prefix)a", "2", lease: lease) }
      }
    }

    @Test func aRevokedLeaseTakesItsKeysAlong() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let key = ByteString(freshPrefix())
        let lease = try await etcd.grantLease(seconds: 100).id
        #expect(try await etcd.keepAlive(lease) == 100)
        _ = try await etcd.commit(.create(key, "1", lease: lease))
        #expect(try await etcd.revoke(lease))
        #expect(try await etcd.count(.key(key)) == 0)
        #expect(try await etcd.keepAlive(lease) == nil)
      }
    }
  }
}
