import LibvirtXML
import PoolModel

extension GuestDescription {
  /// Every VF that the guest's own XML names, as NIC or as plain device.
  var vfs: Set<PCIAddress> {
    Set(hostdevs).union(
      nics.compactMap { nic in
        if case .hostdev(let vf) = nic.source { vf } else { nil }
      })
  }
}
