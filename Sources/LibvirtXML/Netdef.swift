import PoolModel

/// A pool's XML: a libvirt network with `<forward mode='hostdev'>`, with or without vfpool's part in its `<metadata>`.
public struct Netdef: Hashable, Sendable {
  /// The namespace of vfpool's element in `<metadata>`; the prefix is free.
  public static let metadataNamespace = "urn:vfpool:pool:1"

  public let pool: Pool
  /// Whether vfpool's element is in `<metadata>`.
  public let usesMetadata: Bool
  /// Whether `<vfpool:pf>` elements say where the VFs come from: then vfpool fills `<forward>`'s address list. Else
  /// the list, or libvirt's own `<pf>`, stays as it is.
  public let fillsAddresses: Bool
  /// `<forward managed='yes'>`: libvirt binds VFs to vfio-pci and back by itself. Its own default is no.
  public let managed: Bool
  /// `<driver name=…/>` of `<forward>`; nil = libvirt's choice.
  public let driver: String?
  /// The rest of the network, which vfpool leaves to libvirt: by name of the element what is in it, comments and white
  /// space between elements left out. Of a portgroup what isn't its VLAN, as `portgroup NAME`.
  public let others: [String: String]
  /// How many devices libvirt counts on the live network; 0 in what a person wrote.
  public let connections: Int
  /// What was not understood; only `init(libvirtXML:)` leaves any.
  public let notes: [XMLProblem]

  let tree: XMLTree
  private let lines: [Place: Int]

  /// A part of the netdef that a later check may find wrong.
  public enum Place: Hashable, Sendable {
    case name
    case forward
    /// vfpool's element in `<metadata>`.
    case metadata
    /// `<vfpool:pf>` or `<pf>`, by what it selects.
    case pf(PFSelector)
    case address(PCIAddress)
    /// `<vfpool:vf>`, by portgroup; nil = the one for all NICs.
    case policy(portgroup: String?)
    /// `<vfpool:reserve>`, by VF as written.
    case reservation(VFName)
    case portgroup(String)
  }

  /// Reads what a person wrote. The first thing that libvirt or vfpool couldn't do as written is refused, with its line
  /// and what is allowed instead.
  ///
  /// - Throws: what is wrong with the document; nothing is checked against the host.
  public init(xml: String) throws(XMLProblem) { try self.init(bytes: xml.utf8) }

  /// The same for bytes as they came from a file or a socket; at most `XMLTree.netdefLimit`.
  public init(bytes: some Collection<UInt8>) throws(XMLProblem) {
    try self.init(tree: XMLTree(bytes: bytes, limit: XMLTree.netdefLimit), strict: true)
  }

  /// Reads what libvirt has, ours or not: what can't be used (a trunk, a word of a later vfpool) is left out of the pool
  /// and put into `notes`. The pool's mode is `observe`.
  ///
  /// - Throws: for XML that isn't a named network of mode hostdev.
  public init(libvirtXML xml: String) throws(XMLProblem) {
    try self.init(tree: XMLTree(xml: xml, limit: XMLTree.libvirtLimit), strict: false)
  }

  private init(tree: XMLTree, strict: Bool) throws(XMLProblem) {
    var reader = NetdefReader(strict: strict)
    try reader.read(tree.root)
    self.tree = tree
    pool = reader.pool
    usesMetadata = reader.usesMetadata
    fillsAddresses = reader.fillsAddresses
    managed = reader.managed
    driver = tree.root.child("forward")?.child("driver")?["name"]
    others = tree.root.otherParts
    connections = tree.root["connections"].flatMap { Int($0) } ?? 0
    notes = reader.notes
    lines = reader.lines
  }

  /// Where `place` stands in the document; nil when it isn't there.
  public func line(of place: Place) -> Int? { lines[place] }

  /// A refusal by a later check, pointing at `place`.
  public func problem(_ message: String, at place: Place) -> XMLProblem {
    XMLProblem(.refused, line: line(of: place), message)
  }
}

extension XMLTree.Element {
  /// `Netdef.others` of a network.
  fileprivate var otherParts: [String: String] {
    // What libvirt adds by itself counts as nothing, and metadata is nothing to it.
    let known: Set = ["name", "uuid", "metadata", "title", "description", "vlan", "portgroup"]
    var parts: [String: String] = [:]
    for element in elements where element.namespace == nil && !known.contains(element.name) {
      var element = element
      if element.name == "forward" {
        element.attributes.removeAll { $0.name == "mode" || $0.name == "managed" }
        element.removeChildren(["address", "pf", "driver"])
      }
      parts[element.name, default: ""] += element.plain.xml
    }
    for var group in children("portgroup") {
      let name = group["name"] ?? ""
      group.attributes.removeAll { $0.name == "default" }
      group.removeChildren(["vlan"])
      parts["portgroup \(name)"] = group.plain.xml
    }
    if parts["forward"] == "<forward/>" { parts["forward"] = nil }
    return parts
  }

  private mutating func removeChildren(_ names: Set<String>) {
    children.removeAll {
      if case .element(let child) = $0 { child.namespace == nil && names.contains(child.name) } else { false }
    }
  }

  /// Without what means nothing to libvirt.
  private var plain: XMLTree.Element {
    var plain = self
    plain.attributes.sort { $0.name < $1.name }
    plain.children = children.compactMap { child in
      switch child {
      case .element(let element): .element(element.plain)
      case .text(let text), .cdata(let text): text.allSatisfy(\.isWhitespace) ? nil : .text(text)
      case .comment, .instruction: nil
      }
    }
    return plain
  }
}
