import Etcd
import EtcdCluster
import Testing

extension ServerTests {
  @Suite(.oneMember) struct PagingTests {
    private func fill(_ etcd: EtcdClient, _ prefix: String, _ count: Int) async throws {
      for start in stride(from: 0, to: count, by: 128) {
        let part = start..<min(start + 128, count)
        _ = try await etcd.commit(Transaction(then: part.map { .put("\(prefix)\($0)", "value \($0)") }))
      }
    }

    @Test func pagesAreOfOneRevision() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        try await fill(etcd, prefix, 12_000)
        try await fill(etcd, "\(prefix.dropLast())0", 10)
        let before = try await etcd.range(.all, limit: 1).revision
        // Changed as soon as the first page is there.
        let (changes, change) = AsyncStream.makeStream(of: Void.self)
        async let changed: Void = {
          for await _ in changes { _ = try await etcd.delete(.prefix("\(prefix)1")) }
        }()
        var sizes: [Int] = []
        var keys: [ByteString] = []
        let revision = try await etcd.pages(.prefix(ByteString(prefix)), size: 5000) { page in
          sizes.append(page.count)
          keys += page.map(\.key)
          change.yield()
          change.finish()
        }
        try await changed
        #expect(sizes == [5000, 5000, 2000])
        #expect(revision == before)
        #expect(keys == (0..<12_000).map { ByteString("\(prefix)\($0)") }.sorted())
        let (now, later) = try await etcd.all(.prefix(ByteString(prefix)), keysOnly: true, pageSize: 1000)
        #expect(later > revision)
        #expect(now.map(\.key) == keys.filter { !$0.description.hasPrefix("\(prefix)1") })
        #expect(now.allSatisfy { $0.value == "" })
      }
    }

    @Test func anEmptyRangeHasNoPage() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let revision = try await etcd.pages(.prefix(ByteString(freshPrefix()))) { _ in Issue.record("a page") }
        #expect(revision > 0)
      }
    }

    @Test func aForgottenRevisionIsTold() async throws {
      let cluster = try EtcdCluster.shared
      try await cluster.withClient { etcd in
        let key = ByteString(freshPrefix())
        try await etcd.put(key, "1")
        let old = try await etcd.range(.key(key)).revision
        try await etcd.put(key, "2")
        #expect(try await etcd.range(.key(key), revision: old).entries.first?.value == "1")
        try await cluster.control("compaction", "\(old + 1)")
        await #expect(throws: EtcdError.compacted(nil)) { try await etcd.range(.key(key), revision: old) }
        #expect(try await etcd.range(.key(key)).entries.first?.value == "2")
      }
    }
  }
}
