import PoolModel
import Testing

@testable import Daemon

struct DaemonConfigurationTests {
  @Test func saysNothingAndHasTheDefaults() {
    let configuration = DaemonConfiguration(text: "")
    #expect(configuration.socket == "/run/vfpool/vfpool.sock")
    #expect(configuration.readOnlySocket == "/run/vfpool/vfpool-ro.sock")
    #expect(configuration.ledger == "/var/lib/vfpool/ledger.sqlite")
    #expect(configuration.logLevel == "info")
    #expect(configuration.retention == Retention(months: 13, entries: 1_000_000))
    #expect(configuration.turnLimit == .seconds(4))
  }

  @Test(arguments: [
    ("history-months = 24", Retention(months: 24)), ("history-limit = 5000", Retention(entries: 5000)),
    ("history-months = 1\nhistory-limit = 1", Retention(months: 1, entries: 1)),
    ("history-months = 0", Retention()), ("history-months = -3", Retention()),
    ("history-months = for ever", Retention()),
    ("history-months = 99999999999", Retention()), ("history-limit = 0", Retention()),
    ("history-limit = 1e6", Retention()),
  ])
  func boundsTheHistory(text: String, expected: Retention) {
    #expect(DaemonConfiguration(text: text).retention == expected)
  }

  @Test(arguments: [
    ("", 3), ("quarantine-limit = 0", 0), ("quarantine-limit = 12", 12), ("quarantine-limit = -1", 3),
    ("quarantine-limit = many", 3),
  ])
  func limitsQuarantine(text: String, limit: Int) { #expect(DaemonConfiguration(text: text).quarantineLimit == limit) }

  @Test(arguments: [
    ("", "52:54:00"), ("mac-prefix = 02:AB:00", "02:ab:00"), ("mac-prefix = 01:00:5e", "52:54:00"),
    ("mac-prefix = 52:54", "52:54:00"),
  ])
  func prefixesMACs(text: String, prefix: String) {
    #expect(DaemonConfiguration(text: text).macPrefix.description == prefix)
  }

  @Test(arguments: [
    ("", nil), ("web-listen = 127.0.0.1:8421", "127.0.0.1:8421"), ("web-listen = localhost:1024", "127.0.0.1:1024"),
    ("web-listen = localhost:80", nil),
    ("web-listen = [::1]:8421", "::1:8421"), ("web-listen = 0.0.0.0:8421", nil), ("web-listen = 8421", nil),
    ("web-listen = 127.0.0.1:0", nil), ("web-listen = 10.0.0.1:8421", nil),
  ])
  func listensOnlyWhereOthersCanNotReach(text: String, address: String?) {
    #expect(DaemonConfiguration(text: text).webListen.map { "\($0.host):\($0.port)" } == address)
  }
}
