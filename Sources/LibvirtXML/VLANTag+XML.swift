import PoolModel

extension VLANTag {
  /// Reads a `<vlan>` with one tag; nil for a trunk (several tags, `trunk='yes'`, a native VLAN) and for unusable ids.
  ///
  /// libvirt's XML has neither priority nor protocol here.
  init?(_ vlan: XMLTree.Element) {
    let tags = vlan.children("tag")
    guard tags.count == 1, vlan["trunk"] != "yes", tags[0]["nativeMode"] == nil,
      let id = tags[0]["id"].flatMap({ UInt16(decimal: $0) }), VLANTag.isUsable(id: Int(id))
    else { return nil }
    self.init(id: id)
  }
}
