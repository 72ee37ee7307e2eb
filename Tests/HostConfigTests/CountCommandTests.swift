import HostFakes
import PoolModel
import Testing

@testable import HostConfig

@Suite struct CountCommandTests {
  @Test(
    arguments: [
      ("echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs", .yes, 4),
      ("echo 4 >/sys/class/net/enp1s0/device/sriov_numvfs", .yes, 4),
      ("echo -n '4' > \"/sys/class/net/enp1s0/device/sriov_numvfs\"", .yes, 4),
      ("printf '4\\n' >/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", .yes, 4),
      ("echo 4 | sudo tee /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/sriov_numvfs", .yes, 4),
      ("/bin/echo 4 > /sys/class/net/enp1*/device/sriov_numvfs", .yes, 4),
      ("tee /sys/class/net/enp1s0/device/sriov_numvfs <<< 4", .yes, 4),
      ("echo $N > /sys/class/net/$i/device/sriov_numvfs", .maybe, nil),
      ("echo 4 > /sys/class/net/{enp1s0,enp2s0}/device/sriov_numvfs", .maybe, 4),
      ("echo 4 > /sys/class/net/$(basename $x)/device/sriov_numvfs", .maybe, 4), ("echo 4 > sriov_numvfs", .maybe, 4),
      ("cd /sys/class/net/enp1s0/device && echo 4 > sriov_numvfs", .yes, 4),
      (
        "echo 0 > /sys/class/net/enp1s0/device/sriov_numvfs; echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs", .yes,
        4
      ),
      (
        "echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs; echo 2 > /sys/class/net/enp2s0/device/sriov_numvfs", .yes,
        4
      ),
      (
        "[ -e /sys/class/net/enp1s0/device/sriov_numvfs ] && echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs", .yes,
        4
      ),
      ("class/net/enp1s0/device/sriov_numvfs = 4", .yes, 4),
      ("FILE=/sys/class/net/enp1s0/device/sriov_numvfs", .yes, nil),
      ("open(f\"/sys/class/net/{pf}/device/sriov_numvfs\", \"w\").write(\"4\")", .maybe, nil),
    ] as [(String, Match, Int?)])
  func writes(text: String, match: Match, count: Int?) throws {
    let command = try #require(CountCommand.find(in: text, FakeHost.pf))
    #expect((command.match, command.count) == (match, count))
  }

  @Test(arguments: [
    "", "echo 4 > /sys/class/net/enp2s0/device/sriov_numvfs", "echo 4 > /sys/bus/pci/devices/0000:02:00.0/sriov_numvfs",
    "echo 4 > /sys/class/net/enp2*/device/sriov_numvfs", "cat /sys/class/net/enp1s0/device/sriov_numvfs",
    "N=$(cat /sys/class/net/enp1s0/device/sriov_numvfs)", "if [ -w /sys/class/net/enp1s0/device/sriov_numvfs ]; then",
    "read n < /sys/class/net/enp1s0/device/sriov_numvfs", "echo \"no sriov_numvfs here\" >&2",
    "ConditionPathExists=/sys/class/net/enp1s0/device/sriov_numvfs",
    "echo 7 > /sys/class/net/enp1s0/device/sriov_totalvfs",
    "cd /sys/class/net/enp2s0/device; echo 4 > sriov_numvfs", "! grep -q 0 /sys/class/net/enp1s0/device/sriov_numvfs",
    "ExecCondition=/usr/bin/test -e /sys/class/net/enp1s0/device/sriov_numvfs",
  ])
  func whatIsNone(text: String) { #expect(CountCommand.find(in: text, FakeHost.pf) == nil) }
}
