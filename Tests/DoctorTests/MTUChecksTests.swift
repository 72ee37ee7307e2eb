import Doctor
import HostFakes
import Testing

@Suite struct MTUChecksTests {
  private func host(_ mtus: Int..., vf: Int? = nil) throws -> FakeHost {
    let host = try FakeHost(.intel)
    for (place, mtu) in mtus.enumerated() {
      let (name, card) = ("enp\(place + 1)s0", "0000:0\(place + 1):00.0")
      try host.pf(name, at: card, vfs: 1)
      try host.file("/sys/bus/pci/devices/\(card)/net/\(name)/mtu", "\(mtu)\n")
      let address = "0000:0\(place + 1):10.0"
      try host.vf(0, of: card, at: address)
      if let vf { try host.file("/sys/bus/pci/devices/\(address)/net/v\(place)/mtu", "\(vf)\n") }
    }
    return host
  }

  @Test(arguments: [(1500, 1500, Verdict.ok), (9000, 1500, .ok), (9000, 9000, .ok), (1500, 9000, .warning)])
  func vfs(pf: Int, vf: Int, verdict: Verdict) throws {
    let check = try #require(try host(pf, vf: vf).check(.vfMTU))
    #expect(check.verdict == verdict)
    if verdict == .warning { #expect(check.fix[0].hasPrefix("ip link set enp1s0 mtu 9000")) }
  }

  /// A guest's VF has no interface here.
  @Test func vfsInGuests() throws { #expect(try host(1500).check(.vfMTU)?.verdict == .ok) }

  @Test func aBridgeThatTakesMoreThanItsPF() throws {
    let host = try host(1500)
    try host.bridge("br0", ports: ["enp1s0"], mtu: 9000)
    let check = try #require(host.check(.upperMTU))
    #expect(check.verdict == .warning)
    #expect(check.evidence == ["br0 has MTU 9000, PF enp1s0 below it 1500: what is longer gets no further"])
  }

  @Test func aPoolOverUnevenPFs() throws {
    let host = try host(1500, 9000)
    try host.file(
      "/etc/libvirt/qemu/networks/a.xml",
      "<network><name>a</name><forward mode='hostdev'><pf dev='enp1s0'/>"
        + "<address type='pci' domain='0x0000' bus='0x02' slot='0x10' function='0x0'/></forward></network>")
    let check = try #require(host.check(.poolMTU))
    #expect(check.verdict == .warning)
    #expect(check.evidence[0].contains("(enp1s0 1500, enp2s0 9000)"))
    #expect(check.fix[0] == "ip link set enp1s0 mtu 9000")
  }
}
