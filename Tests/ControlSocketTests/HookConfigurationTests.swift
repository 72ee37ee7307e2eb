import Testing

@testable import ControlSocket

struct HookConfigurationTests {
  @Test func emptyFileIsAllDefaults() {
    #expect(HookConfiguration(text: "") == HookConfiguration())
    #expect(HookConfiguration().socket == "/run/vfpool/vfpool.sock")
    #expect(HookStep.allCases.allSatisfy { HookConfiguration().deadline(of: $0) == $0.defaultDeadline })
  }

  @Test func readsKeys() {
    let configuration = HookConfiguration(
      text: """
        # how long libvirt waits
        hook-deadline-factor = 10
        \t hook-deadline-start=\t700 # as written

        socket = /run/x=y.sock
        other-key = 5
        """)
    #expect(configuration.socket == "/run/x=y.sock")
    #expect(configuration.deadline(of: .prepare) == 20_000)
    #expect(configuration.deadline(of: .start) == 700)
    #expect(configuration.deadline(of: .network) == 2000)
  }

  @Test(arguments: [
    "hook-deadline-factor = 0", "hook-deadline-factor = -2", "hook-deadline-factor = fast", "hook-deadline-factor =",
    "hook-deadline-factor = inf", "hook-deadline-factor = nan", "hook-deadline-factor 3", "hook-deadline-prepare = 0",
    "hook-deadline-prepare = -1", "hook-deadline-prepare = 2s", "# hook-deadline-prepare = 5", "= 5",
    "hook-deadline- = 5", "socket =", "hook-deadline-prepare = 99999999999999999999",
  ])
  func nonsenseCountsAsAbsent(line: String) { #expect(HookConfiguration(text: line) == HookConfiguration()) }

  @Test(arguments: [
    ("hook-deadline-factor = 0.5", 1000), ("hook-deadline-factor = 1e9", 600_000),
    ("hook-deadline-factor = 1e300", 600_000), ("hook-deadline-factor = 0.0000001", 1),
    ("hook-deadline-prepare = 9000000", 600_000), ("hook-deadline-prepare = 3\r\nsocket = /s", 3),
    ("hook-deadline-prepare = 3\nhook-deadline-prepare = 4", 4),
  ])
  func deadlinesStayInBounds(text: String, prepare: Int) {
    #expect(HookConfiguration(text: text).deadline(of: .prepare) == prepare)
  }
}
