import PoolModel

extension MACAddress {
  /// Reads a MAC as libvirt does (`virMacAddrParse`): an octet may have one digit, as in its documentation's own
  /// `52:54:0:7b:35:93`.
  init?(libvirt text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    self.init(parts.map { $0.utf8.count == 1 ? "0\($0)" : String($0) }.joined(separator: ":"))
  }
}
