import LibvirtXML
import Logging
import PoolModel

/// Cards with several functions, on their way into guests as one.
extension PoolManager {
  /// Gives all functions of a device's slot to a guest's definition, where they share a slot, too: in one go.
  func attachSlot(
    of name: String, _ request: AttachRequest, _ state: GuestState, _ notes: [String]
  ) async throws -> GuestOutcome {
    let host = try await lookAtDevices(guestsAreNeeded: true)
    let (pci, guest) = (try device(named: name, host.inventory).pci, state.guest)
    if request.describesNIC {
      throw FlowError(.invalid, "MAC, VLAN and port profile are of one function: attach \(pci) without its neighbours")
    }
    let functions = host.inventory.devices.filter { $0.pci.isInSlot(of: pci) }.sorted { $0.pci < $1.pci }
    let addresses = functions.map(\.pci)
    guard addresses.count > 1 else {
      throw FlowError(.refused, "\(pci) is the only function of its slot: attach it without --multifunction")
    }
    var notes = notes
    for function in functions {
      notes += try await obstacles(to: function, host, state, .config, together: Set(addresses)).map {
        "as things are, guest \(guest.name) won't start: \(function.pci): \($0)"
      }
    }
    do {
      let isDefined = try await guests.addToDefinition(ofGuest: guest.uuid) { document in
        try Self.functions(addresses, in: document)
      }
      guard isDefined else { throw FlowError(.notFound, "guest \(guest.name) is not defined any more") }
    } catch let error as FlowError {
      throw error
    } catch {
      // Its answer may be all that was lost.
      guard let now = try? await guests.guest(guest.uuid)?.inactive, now.description.vfs.isSuperset(of: addresses)
      else {
        throw FlowError(.failed, "slot \(pci) was not attached to guest \(guest.name), and all is as it was: \(error)")
      }
    }
    let list = addresses.map(\.description).joined(separator: ", ")
    log.notice("attached", metadata: ["guest": "\(guest.name)", "devices": "\(list)"])
    let attached = GuestView.Device(kind: .hostdev, pci: addresses[0], scope: .config)
    return await outcome(guest, attached, notes, "will have \(list) in one slot from its next start on")
  }

  /// What is to be added to a definition; functions keep their numbers where that gives the slot a function 0, without
  /// which a guest sees none.
  private static func functions(_ addresses: [PCIAddress], in document: GuestDocument) throws(FlowError) -> [String] {
    let name = document.description.guest.name
    guard let place = document.pci.freeSlot else {
      throw FlowError(.refused, "guest \(name) has no free PCI slot for them; see its controllers (virsh edit \(name))")
    }
    let keepsNumbers = addresses.first?.function == 0
    let elements = addresses.enumerated().map { number, pci in
      let function = keepsNumbers ? pci.function : UInt8(number)
      return pci.hostdevXML(at: PCIAddress(bus: place.bus, slot: place.slot, function: function))
    }
    return (place.controller.map { [$0] } ?? []) + elements
  }

  /// Devices that are functions of one slot in the guest leave it only together, and the first at last.
  func checkIsAlone(_ device: GuestDevice, among devices: [GuestDevice], _ guest: GuestID, isLive: Bool)
    throws(FlowError)
  {
    guard let place = device.place else { return }
    let others = devices.filter { $0.place != place && $0.place?.isInSlot(of: place) == true }
    guard let first = others.first, isLive || place.function == 0 else { return }
    let what = first.pci.map { "\($0)" } ?? "another device"
    throw FlowError(
      .refused,
      isLive
        ? "guest \(guest.name) has it in one slot with \(what), and running guests can't let go of single functions: take it "
          + "out of the definition (--config), and start the guest anew"
        : "it is the first function of a slot in guest \(guest.name) that also has \(what), which the guest would not see "
          + "without it: detach that first")
  }
}
