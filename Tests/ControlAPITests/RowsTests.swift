import ControlAPI
import Foundation
import PoolModel
import Testing

/// The field names are a promise: scripts read them.
@Suite struct RowsTests {
  static let pci = PCIAddress("0000:01:10.0")
  static let guest = GuestID(name: "a1", uuid: "5d4c9a0e-3c4e-4f0a-9a55-1f2e3d4c5b6a")
  static let mac = MACAddress(value: 0x5254_00aa_0001)
  static let time = Timestamp(milliseconds: 1_000)

  static func lease(vf: PCIAddress?) -> Lease {
    Lease(
      id: 7, pool: "tenant-a", guest: guest, nic: 0, mac: mac, vf: vf,
      vfIndex: vf.map { _ in VFIndex(pf: "enp1s0", index: 0) }, state: .active, since: time, bootID: "b")
  }

  /// The names of a JSON object, in order.
  static func names(_ value: some Encodable) -> [String] {
    JSONText(value).pretty.split(separator: "\n").filter { $0.hasPrefix("  \"") }
      .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
  }

  static let barePF = PFRow(PF(name: "enp1s0", ifindex: 2, numVFs: 7, totalVFs: 7), leased: 0, free: 7)
  static let bareVF = VFRow(VF(id: VFIndex(pf: "enp1s0", index: 0)), pool: nil, state: .unpooled)
  static let pool = PoolRow(
    name: "tenant-a", uuid: nil, active: true, autostart: false, policy: .pack, total: 7, free: 5, leased: 2,
    reserved: 0, quarantined: 0, mode: .enforce)
  static let macRow = MACRow(
    MACBinding(guest: guest, pool: "tenant-a", nic: 0, mac: mac, lastVF: nil, lastSeen: time))

  static let bareDevice = DeviceRow(
    PCIDevice(
      pci: PCIAddress(bus: 1, slot: 0x10, function: 0), ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x0a)))

  @Test func everyNameOfTheDesignIsThere() {
    let lists: [(names: [String], promised: String)] = [
      (Self.names(Self.barePF), "name pci driver numaNode carrier numVFs totalVFs leased free"),
      (
        Self.names(Self.bareVF),
        """
        pf index pci netdev driver numaNode iommuGroup mac vlan qos vlanProto spoofchk trust linkState minTxRate \
        maxTxRate mtu pool state guest leaseMac
        """
      ),
      (Self.names(Self.pool), "name uuid active autostart policy total free leased reserved quarantined"),
      (Self.names(LeaseRow(Self.lease(vf: nil))), "id pool guest guestUUID mac pf index pci state since"),
      (Self.names(Self.macRow), "mac guest guestUUID pool nic lastPci lastSeen"),
    ]
    for (names, promised) in lists { #expect(Set(promised.split(separator: " ").map(String.init)).isSubset(of: names)) }
  }

  @Test func namesAndTheirOrder() {
    #expect(
      Self.names(Self.barePF) == [
        "name", "pci", "driver", "numaNode", "carrier", "numVFs", "totalVFs", "leased", "free", "mac", "mtu",
        "unsupported", "altNames", "otherNetdevs", "iommuGroup", "iommuGroupOthers", "speed", "autoprobe",
        "eswitchMode",
      ])
    #expect(
      Self.names(Self.bareVF) == [
        "pf", "index", "pci", "netdev", "driver", "numaNode", "iommuGroup", "mac", "vlan", "qos", "vlanProto",
        "spoofchk", "trust", "linkState", "minTxRate", "maxTxRate", "mtu", "pool", "state", "guest", "leaseMac", "why",
        "broadcast", "rssQuery", "nodeGUID", "portGUID", "counters", "isComplete",
        "iommuGroupOthers", "representor",
      ])
    #expect(
      Self.names(Self.pool) == [
        "name", "uuid", "active", "autostart", "policy", "total", "free", "leased", "reserved", "quarantined", "mode",
        "hostUsed", "gone",
      ])
    #expect(
      Self.names(LeaseRow(Self.lease(vf: nil))) == [
        "id", "pool", "guest", "guestUUID", "mac", "pf", "index", "pci", "state", "since", "portgroup",
      ])
    let closed = ClosedLease(lease: Self.lease(vf: Self.pci), until: Self.time, reason: "guest stopped")
    #expect(Self.names(LeaseRow(closed)).suffix(4) == ["portgroup", "until", "reason", "outcome"])
    #expect(
      Self.names(Self.bareDevice) == [
        "pci", "libvirtName", "kind", "class", "className", "vendor", "vendorName", "device", "deviceName",
        "subsystemVendor", "subsystemDevice", "revision", "driver", "driverOverride", "numaNode", "iommuGroup",
        "netdevs", "pf", "vf", "numVFs", "totalVFs", "resetMethods", "pool", "guest", "inUse",
      ])
    let report = DeviceReport(row: Self.bareDevice, companions: [], libvirt: nil, notes: [])
    #expect(Self.names(report) == ["row", "companions", "libvirt", "notes"])
    #expect(Self.names(DeviceCompanion(row: Self.bareDevice, blocks: true)) == ["row", "blocks"])
    #expect(Self.names(DeviceChange(row: Self.bareDevice, done: "", notes: [])) == ["row", "done", "notes"])
    #expect(Self.names(Self.macRow) == ["mac", "guest", "guestUUID", "pool", "nic", "lastPci", "lastSeen"])
    #expect(Self.names(MACChange(binding: Self.macRow, notes: [])) == ["binding", "notes"])
  }

  @Test func absentIsNullAndValuesHaveTheirShapes() {
    #expect(
      JSONText(LeaseRow(Self.lease(vf: nil))).compact
        == #"{"id":7,"pool":"tenant-a","guest":"a1","guestUUID":"5d4c9a0e-3c4e-4f0a-9a55-1f2e3d4c5b6a","#
        + #""mac":"52:54:00:aa:00:01","pf":null,"index":null,"pci":null,"state":"active","#
        + #""since":"1970-01-01T00:00:01.000Z","portgroup":null}"#)
    let state = VFState(mac: Self.mac, vlan: VLANTag(id: 42, qos: 3, proto: .dot1ad), trust: false, maxTxRate: 500)
    let vf = VF(id: VFIndex(pf: "enp1s0", index: 3), pci: Self.pci, state: state)
    let text = JSONText(VFRow(vf, pool: "tenant-a", state: .hostUsed)).compact
    for part in [
      #""pci":"0000:01:10.0""#, #""vlan":42,"qos":3,"vlanProto":"802.1ad","spoofchk":null,"trust":false"#,
      #""maxTxRate":500"#, #""state":"hostUsed""#, #""netdev":null"#,
    ] { #expect(text.contains(part), "\(part) in \(text)") }
  }

  @Test func rowsComeBackAsTheyWent() throws {
    try comesBack(Self.barePF)
    try comesBack(Self.bareVF)
    try comesBack(Self.pool)
    try comesBack(LeaseRow(Self.lease(vf: Self.pci)))
    try comesBack(Self.macRow)
    let promised = MACBinding(guest: BoundGuest(name: "a2", uuid: nil), pool: "p", nic: 1, mac: Self.mac)
    try comesBack(MACChange(binding: MACRow(promised), notes: ["n"]))
    #expect(
      JSONText(MACRow(promised)).compact.hasSuffix(
        #","guestUUID":null,"pool":"p","nic":1,"lastPci":null,"lastSeen":null}"#))
    try comesBack(Self.bareDevice)
    let facts = LibvirtDevice(
      name: "pci_0000_01_10_0", parent: nil, driver: "igbvf", vendor: nil, product: nil, link: "x4", linkLimit: nil)
    try comesBack(
      DeviceReport(
        row: Self.bareDevice, companions: [DeviceCompanion(row: Self.bareDevice, blocks: true)], libvirt: facts,
        notes: ["n"]))
  }

  @Test func idsHaveAllTheirDigits() {
    let text = JSONText(Self.bareDevice).compact
    for part in [
      #""pci":"0000:01:10.0","libvirtName":"pci_0000_01_10_0","kind":"device","class":"0200""#,
      #""vendor":"8086","vendorName":null,"device":"000a""#, #""netdevs":[]"#,
    ] { #expect(text.contains(part), "\(part) in \(text)") }
  }

  private func comesBack<Row: Codable & Equatable>(_ row: Row) throws {
    #expect(try JSONDecoder().decode(Row.self, from: JSONEncoder().encode(row)) == row)
    #expect(try JSONDecoder().decode(Row.self, from: Data(JSONText(row).compact.utf8)) == row)
  }
}
