import Doctor
import HostFakes
import Testing

@Suite struct PoolChecksTests {
  static let folder = "/etc/libvirt/qemu/networks"
  static let ofFiles: [CheckName] = [.poolPFs, .poolTrunks, .poolStarted, .poolMTU]

  /// A host with a pool over a PF with two VFs, as libvirt writes it.
  private func host(
    vfs: Int = 2, pf: String = "enp1s0", function: Int = 0, more: String = "", autostart: Bool = true
  ) throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: "0000:01:00.0", vfs: vfs)
    for index in 0..<vfs { try host.vf(index, of: "0000:01:00.0", at: "0000:01:10.\(index)") }
    try host.file(
      "\(Self.folder)/tenant.xml",
      """
      <!--
      WARNING: THIS IS AN AUTO-GENERATED FILE. <network>
      -->
      <network connections='1'>
        <name>tenant</name>
        <metadata><vfpool:pool xmlns:vfpool="urn:vfpool:pool:1"><vfpool:pf dev="x > y"/></vfpool:pool></metadata>
        <forward mode='hostdev' managed='yes'>
          <driver name='vfio'/>
          <pf dev='\(pf)'/>
          <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x\(function)'/>
        </forward>
        \(more)
      </network>

      """, mode: 0o600)
    try host.file("\(Self.folder)/default.xml", "<network><name>default</name><forward mode='nat'/></network>\n")
    if autostart { try host.link("\(Self.folder)/autostart/tenant.xml", to: "../tenant.xml") }
    return host
  }

  @Test func fine() throws {
    let host = try host(more: "<vlan><tag id='42'/></vlan><portgroup name='a'><vlan><tag id='43'/></vlan></portgroup>")
    for name in Self.ofFiles {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
    #expect(host.check(.poolStarted)?.evidence == ["every pool is started, and starts at boot"])
  }

  @Test func noPools() throws {
    for name in Self.ofFiles { #expect(try FakeHost(.intel).check(name)?.verdict == .ok) }
  }

  @Test func aPFThatIsNotThere() throws {
    let check = try #require(try host(pf: "enp7s0").check(.poolPFs))
    #expect(check.verdict == .fault)
    #expect(check.evidence[0].contains("takes VFs of enp7s0, and there is no such PF"))
  }

  @Test func aPFWithoutVFs() throws {
    let check = try #require(try host(vfs: 0).check(.poolPFs))
    #expect(check.verdict == .fault)
    #expect(check.fix[0] == "vfpool pf set-vfs enp1s0 7")
    #expect(check.evidence[1] == "pool tenant lists 1 VFs, of which 1 aren't there: 0000:01:10.0")
  }

  @Test func someVFsThatAreNotThere() throws {
    let more = try host(function: 1)
    #expect(more.check(.poolPFs)?.verdict == .ok)
    #expect(try host(function: 7).check(.poolPFs)?.verdict == .fault)
  }

  @Test(arguments: [
    ("<vlan trunk='yes'><tag id='42'/></vlan>", "the network"),
    ("<vlan><tag id='42'/><tag id='43'/></vlan>", "the network"),
    ("<portgroup name='a'><vlan trunk='yes'><tag id='42'/></vlan></portgroup>", "portgroup a"),
  ])
  func trunks(xml: String, place: String) throws {
    let check = try #require(try host(more: xml).check(.poolTrunks))
    #expect(check.verdict == .fault)
    #expect(check.evidence[0].hasPrefix("pool tenant: \(place) asks for a VLAN trunk"))
  }

  @Test func notStarted() throws {
    let host = try host(autostart: false)
    #expect(host.check(.poolStarted)?.fix == ["virsh net-autostart tenant"])
    try host.file("/run/libvirt/network/default.xml", "")
    #expect(host.check(.poolStarted)?.fix == ["virsh net-start tenant", "virsh net-autostart tenant"])
    try host.file("/run/libvirt/network/tenant.xml", "")
    #expect(host.check(.poolStarted)?.evidence == ["pool tenant doesn't start at boot"])
  }

  /// A folder in a file's place can't be read by root either.
  @Test(arguments: [true, false])
  func filesThatCannotBeRead(isBroken: Bool) throws {
    let host = try host()
    if isBroken { try host.file("\(Self.folder)/b.xml", "<network><name>b</network>") }
    if !isBroken { try host.folder("\(Self.folder)/b.xml") }
    for name in Self.ofFiles {
      let check = try #require(host.check(name, isRoot: false))
      #expect(check.verdict == .unknown)
      #expect(check.evidence.count == 1 && check.evidence[0].contains("\(Self.folder)/b.xml"))
      #expect(check.fix == ["run vfpool doctor as root"])
    }
  }
}
