import PoolModel
import Sysfs

/// What libvirt's own file says of a network whose guests get VFs.
struct NetworkFile: Hashable, Sendable {
  var name: String
  /// The PFs that it takes VFs from.
  var pfs: [String] = []
  /// The VFs that it lists.
  var addresses: [PCIAddress] = []
  /// Where it asks for a VLAN trunk: `network`, `portgroup finance`.
  var trunks: [String] = []

  /// Nil for networks of another mode. Throws nothing, but `XMLElements` says nothing of broken files.
  init?(_ elements: [XMLElements.Element]) {
    guard elements.contains(where: { $0.path == ["network", "forward"] && $0["mode"] == "hostdev" }),
      let name = elements.first(where: { $0.path == ["network", "name"] })?.text
    else { return nil }
    self.name = name
    var portgroup = ""
    var tags: [String: Int] = [:]
    for element in elements {
      switch element.path {
      case ["network", "forward", "pf"]: pfs += element["dev"].map { [$0] } ?? []
      case ["network", "forward", "address"]: addresses += element.pci.map { [$0] } ?? []
      case ["network", "vlan"]: noteTrunk(element, "the network")
      case ["network", "portgroup"]: portgroup = element["name"] ?? "?"
      case ["network", "portgroup", "vlan"]: noteTrunk(element, "portgroup \(portgroup)")
      case ["network", "vlan", "tag"]: tags["the network", default: 0] += 1
      case ["network", "portgroup", "vlan", "tag"]: tags["portgroup \(portgroup)", default: 0] += 1
      default: continue
      }
    }
    // libvirt takes several tags for a trunk, too.
    trunks = (trunks + tags.filter { $0.value > 1 }.keys.sorted()).firstOnes
  }

  private mutating func noteTrunk(_ vlan: XMLElements.Element, _ place: String) {
    if vlan["trunk"] == "yes" { trunks.append(place) }
  }
}

/// The networks of mode hostdev that libvirt knows by its files, which only root may read.
struct NetworkFiles: Sendable {
  var hostdev: [NetworkFile] = []
  /// What could not be read, in words.
  var problems: [String] = []

  static let folder = "/etc/libvirt/qemu/networks"
}

extension Examination {
  func hostdevNetworks() -> NetworkFiles {
    var result = NetworkFiles()
    let names: [String]
    switch files.list(NetworkFiles.folder) {
    case .absent: return result
    case .unreadable(let reason):
      result.problems.append("can't read \(NetworkFiles.folder): \(reason)")
      return result
    case .found(let found): names = found
    }
    for path in names.filter({ $0.hasSuffix(".xml") }).map({ "\(NetworkFiles.folder)/\($0)" }) {
      switch files.bytes(path) {
      case .absent: continue
      case .unreadable(let reason): result.problems.append("can't read \(path): \(reason)")
      case .found(let bytes):
        guard let elements = XMLElements.read(String(decoding: bytes, as: UTF8.self)) else {
          result.problems.append("\(path) is no XML as libvirt writes it")
          continue
        }
        if let network = NetworkFile(elements) { result.hostdev.append(network) }
      }
    }
    return result
  }

  /// A check of what libvirt's files say: unknown where some could not be read and the others say nothing bad.
  func known(_ networks: NetworkFiles, _ check: Check) -> Check {
    guard !networks.problems.isEmpty, check.verdict == .ok else { return check }
    return Check(check.name, .unknown, networks.problems, fix: asRoot)
  }

  /// The PFs that a network takes VFs from, and those of the VFs that it lists.
  func pfs(of network: NetworkFile) -> [SysfsPF] {
    scan.pfs.filter { pf in
      pf.netdevs.contains { network.pfs.contains($0) }
        || pf.vfs.contains { vf in vf.pci.map(network.addresses.contains) ?? false }
    }
  }
}
