import ArgumentParser

/// `vfpool device`
struct DeviceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "device", abstract: "PCI devices: what they are, who uses them, and their way to a guest and back.",
    discussion: """
      For devices that no pool hands out: a whole card, a VF outside of pools, a GPU. They go through libvirt, so a \
      guest gets them by <hostdev>, and libvirt knows what it has detached.

      A device is named by its PCI address (0000:01:10.0, or 01:10.0), by libvirt's name (pci_0000_01_10_0), a VF also \
      by PF/INDEX (enp1s0/3), a card also by its interface (enp1s0).
      """,
    subcommands: [DeviceList.self, DeviceShow.self, DeviceDetach.self, DeviceReattach.self, DeviceReset.self])
}
