import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool vf set VF…`
struct VFSet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Sets MAC, VLAN, rates and the like on VFs.",
    discussion: """
      What isn't named stays as it is. A VF that a running guest has is only touched with --disrupt GUEST. A VF that \
      doesn't take all of it is put back to what it was.
      """)

  @Argument(
    help: .init("PF/INDEX, a PCI address, or several VFs of a PF: enp1s0/0-6, 'enp1s0/*'.", valueName: "vf"),
    completion: .vfs)
  var vfs: [String]
  @Option(help: "The MAC that the PF keeps for the VF.") var mac: MACAddress?
  @Option(help: .init("VLAN id 1...4094; 0 or none = untagged.", valueName: "id|none")) var vlan: VLANArgument?
  @Option(help: .init("Priority of the VLAN, 0...7 (default with --vlan: 0).", valueName: "0-7")) var qos: UInt8?
  @Option(help: "Protocol of the VLAN (default with --vlan: 802.1Q).") var vlanProto: VLANProtocol?
  @Option(help: "Whether the guest may change its MAC and go promiscuous.") var trust: OnOff?
  @Option(help: "Whether the card drops frames with a foreign source MAC.") var spoofchk: OnOff?
  @Option(help: "What link the guest sees; auto follows the PF.") var linkState: VFLinkState?
  @Option(help: .init("Guaranteed rate in Mbit/s; 0 = none.", valueName: "Mbit/s")) var minTxRate: UInt32?
  @Option(help: .init("Greatest rate in Mbit/s; 0 = unlimited.", valueName: "Mbit/s")) var maxTxRate: UInt32?
  @Option(help: "Whether the guest may ask for the PF's RSS hash key and table.") var rssQuery: OnOff?
  @OptionGroup var disruption: DisruptOption
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if let qos, qos > 7 { throw ValidationError("--qos is 0...7, not \(qos)") }
    if vlan == .untagged, qos != nil || vlanProto != nil {
      throw ValidationError("--qos and --vlan-proto belong to a VLAN: not with --vlan none")
    }
    if let minTxRate, let maxTxRate, maxTxRate != 0, minTxRate > maxTxRate {
      throw ValidationError("--min-tx-rate \(minTxRate) is more than --max-tx-rate \(maxTxRate)")
    }
    if settings(over: nil).isEmpty, qos == nil, vlanProto == nil {
      throw ValidationError("nothing to set: give --mac, --vlan, --trust or another option")
    }
  }

  func run() throws {
    let client = connection.client
    var current: VLANTag?
    if vlan == nil, qos != nil || vlanProto != nil {
      guard namesOne else {
        throw CommandError(.usage, "--qos and --vlan-proto need --vlan when several VFs are set")
      }
      let row = try client.vf(named: vfs[0])
      guard let id = row.vlan else {
        throw CommandError(.usage, "--qos and --vlan-proto need --vlan here: \(vfs[0]) is untagged")
      }
      current = VLANTag(id: id, qos: row.qos ?? 0, proto: row.vlanProto ?? .dot1Q)
    }
    let rows = try client.set(vfs: vfs, VFChange(settings: settings(over: current), disrupt: disruption.guests))
    if namesOne, let row = rows.first {
      json.print(row) { row.text(Console.current.style) }
    } else {
      json.print(rows, VFRow.columns, none: "no VF was named")
    }
  }

  /// One VF, as PF/INDEX or by its PCI address: an object in JSON, where several are an array.
  private var namesOne: Bool {
    vfs.count == 1 && !vfs[0].hasSuffix("/*") && !vfs[0].drop(while: { $0 != "/" }).contains("-")
  }

  /// What to write; `current` is the VLAN whose gaps stay.
  func settings(over current: VLANTag?) -> VFSettings {
    var settings = VFSettings(
      mac: mac, spoofchk: spoofchk.map { $0 == .on }, trust: trust.map { $0 == .on }, linkState: linkState,
      minTxRate: minTxRate, maxTxRate: maxTxRate, rssQuery: rssQuery.map { $0 == .on })
    switch vlan {
    case .untagged: settings.vlan = .untagged
    case .tagged(let id): settings.vlan = .tagged(VLANTag(id: id, qos: qos ?? 0, proto: vlanProto ?? .dot1Q))
    case nil:
      settings.vlan = current.map {
        .tagged(VLANTag(id: $0.id, qos: qos ?? $0.qos, proto: vlanProto ?? $0.proto))
      }
    }
    return settings
  }
}
