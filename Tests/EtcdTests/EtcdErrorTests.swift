import Testing

@testable import Etcd

struct EtcdErrorTests {
  @Test(arguments: [
    (EtcdError.noSpace, "etcdctl alarm disarm"),
    (.permissionDenied("writing a"), "no permission for writing a"),
    (.compacted(7), "begins at revision 7"),
    (.compacted(nil), "has forgotten what was asked for"),
    (.restored, "restored from a snapshot"),
    (.leaseGone, "lease in etcd has ended"),
    (.tooLarge("reading a…"), "too large for etcd: reading a…"),
    (.refused(code: 3, message: "duplicate key"), "etcd refused: duplicate key (gRPC code 3)"),
    (.unauthorized("etcd doesn't know this user"), "etcd doesn't know this user"),
  ])
  func saysWhatIsWrong(error: EtcdError, words: String) {
    #expect(error.description.contains(words), "\(error)")
  }

  @Test func namesEachEndpoint() throws {
    let attempts = [
      EtcdError.Attempt(endpoint: try EtcdEndpoint("https://one"), detail: "connection refused"),
      EtcdError.Attempt(endpoint: try EtcdEndpoint("https://two"), detail: "no leader"),
    ]
    let words = "https://one:2379: connection refused; https://two:2379: no leader"
    #expect("\(EtcdError.unreachable(attempts))" == "no etcd member can be reached: \(words)")
    #expect("\(EtcdError.uncertain(attempts))" == "etcd may or may not have done what it was asked: \(words)")
  }

  @Test func aPasswordIsNotWritten() {
    let user = EtcdConfiguration.User(name: "vfpool", password: "secret")
    var configuration = EtcdConfiguration(endpoints: [])
    configuration.user = user
    #expect(!"\(configuration) \(user) \(String(reflecting: configuration))".contains("secret"))
  }
}
