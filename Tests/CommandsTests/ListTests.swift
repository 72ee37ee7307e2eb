import ControlAPI
import PoolModel
import Testing

@testable import Commands

/// The tables of the list verbs, and the show verbs' lines.
@Suite struct ListTests {
  @Test func vfs() {
    #expect(
      Table([Rows.vf, Rows.untaggedVF], VFRow.columns).text(.plain) == """
        VF        PCI           STATE        POOL      GUEST  MAC                VLAN  TRUST  SPOOFCHK  LINK  MBIT/S  DRIVER
        enp1s0/0  0000:01:10.0  leased       tenant-a  a1     52:54:00:aa:00:01    42  off    on        auto  0-1000  vfio-pci
        enp1s0/1  0000:01:10.2  quarantined  -         -      -                     -  -      -         -          -  -

        """)
  }

  @Test func pools() {
    #expect(
      Table([Rows.pool], PoolRow.columns).text(.plain) == """
        POOL      STATE   AUTOSTART  MODE     POLICY  TOTAL  FREE  LEASED  RESERVED  HOST  QUARANTINED  GONE
        tenant-a  active  yes        enforce  spread      7     4       2         0     0            1     0

        """)
  }

  @Test func leasesAndHistory() {
    #expect(
      Table([LeaseRow(Rows.lease)], LeaseRow.columns).text(.plain) == """
        ID  GUEST  POOL      VF        PCI           MAC                STATE   SINCE
         3  a1     tenant-a  enp1s0/0  0000:01:10.0  52:54:00:aa:00:01  active  1970-01-12T11:45:40Z

        """)
    let closed = ClosedLease(lease: Rows.lease, until: Recording.now, reason: "guest stopped")
    #expect(
      Table([LeaseRow(closed)], LeaseRow.historyColumns).text(.plain) == """
        ID  GUEST  POOL      VF        MAC                SINCE                 UNTIL                 OUTCOME  REASON
         3  a1     tenant-a  enp1s0/0  52:54:00:aa:00:01  1970-01-12T11:45:40Z  1970-01-12T13:46:40Z  closed   guest stopped

        """)
  }

  @Test func macs() {
    let binding = MACBinding(
      guest: Rows.guest, pool: "tenant-a", nic: 1, mac: Rows.mac, lastVF: nil, lastSeen: Recording.now)
    #expect(
      Table([MACRow(binding)], MACRow.columns).text(.plain) == """
        MAC                GUEST  NIC  POOL      LAST VF  LAST SEEN
        52:54:00:aa:00:01  a1       1  tenant-a  -        1970-01-12T13:46:40Z

        """)
    let promised = MACBinding(guest: BoundGuest(name: "new", uuid: nil), pool: "p", nic: 0, mac: Rows.mac)
    #expect(Table([MACRow(promised)], MACRow.columns).text(.plain).hasSuffix("new      0  p     -        -\n"))
  }

  @Test func aVFInFull() {
    #expect(
      Rows.vf.text(.plain) == """
        VF            enp1s0/0
        PCI address   0000:01:10.0
        state         leased
        pool          tenant-a
        guest         a1
        guest's MAC   52:54:00:aa:00:01
        MAC           52:54:00:aa:00:01
        VLAN          42 qos 3 802.1Q
        trust         off
        spoof check   on
        link state    auto
        minimal rate  none
        maximal rate  1000 Mbit/s
        MTU           -
        netdev        -
        driver        vfio-pci
        NUMA node     -
        IOMMU group   14

        """)
    #expect(Rows.untaggedVF.text(.plain).contains("why           trust stayed on\n"))
  }

  @Test func aPoolInFull() {
    var pool = Pool(
      name: "tenant-a", pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 0...3), PoolPF(dev: "enp2s0")],
      placement: Placement(policy: .spread, numa: .prefer, sticky: true, quota: 2),
      reservations: [Reservation(guest: "db", vf: .place(VFIndex(pf: "enp1s0", index: 2)))],
      policy: VFPolicy(trust: false, maxTxRate: 500, qos: 3), vlan: VLANTag(id: 42))
    pool.portgroups = ["finance", "lab"]
    pool.defaultPortgroup = "lab"
    pool.portgroupVLANs = ["finance": VLANTag(id: 43, qos: 1, proto: .dot1ad)]
    pool.portgroupPolicies = ["finance": VFPolicy(trust: true)]
    #expect(
      PoolDetail(row: Rows.pool, pool: pool, vfs: []).text(.plain) == """
        pool                tenant-a
        UUID                0a
        state               active, starts with the host
        mode                enforce
        VFs                 7: 2 leased, 4 free, 1 quarantined
        PF                  enp1s0: VFs 0-3, vfpool keeps 7
        PF                  enp2s0: all VFs
        placement           spread, NUMA prefer, sticky, at most 2 a guest
        reserved            enp1s0/2 for guest db
        VLAN                42
        sets on a VF        trust off, maxTxRate 500, qos 3
        portgroup           finance: VLAN 43 qos 1 802.1ad, trust on
        portgroup           lab: default
        PF without carrier  guests start, its VFs come last
        MAC used twice      the second guest is refused
        bound MACs          follow what guests are defined with
        changes by others   reported

        """)
  }

  @Test func everyStateButUnpooledHasAColour() {
    #expect(VFCondition.allCases.filter { $0.paint == nil } == [.unpooled])
    #expect(VFCondition.free.paint == .green)
    #expect(VFCondition.quarantined.paint == .red)
  }
}
