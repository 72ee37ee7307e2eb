import LibvirtXML
import Logging
import PoolModel

/// Cards with several functions, on their way into guests as one.
extension PoolManager {
  /// Gives all functions of a device's slot to a guest's definition, where they share a slot, too: in one go.
  func attachSlot(
    of name: String, _ request: AttachRequest, _ state: GuestState, _ scope: GuestScope
  ) async throws -> GuestOutcome {
    let guest = state.guest
    guard !scope.contains(.live), state.inactive != nil else {
      throw FlowError(
        .refused,
        "the functions of one slot can't be plugged into a running guest together"
          + (state.inactive == nil
            ? ", and guest \(guest.name) is transient; attach each by itself"
            : ": give them to its definition (--config) and start guest \(guest.name) anew, or attach each by itself"))
    }
    if request.describesNIC {
      throw FlowError(.invalid, "MAC, VLAN, port profile and teaming are of one function: attach that by itself")
    }
    let host = try await lookAtDevices(guestsAreNeeded: true)
    let pci = try device(named: name, host.inventory).pci
    let functions = host.inventory.devices.filter { $0.pci.isInSlot(of: pci) }.sorted { $0.pci < $1.pci }
    let addresses = functions.map(\.pci)
    guard addresses.count > 1 else {
      throw FlowError(.refused, "\(pci) is the only function of its slot: attach it without --multifunction")
    }
    if let pf = functions.compactMap(\.pf).first(where: addresses.contains) {
      throw FlowError(
        .refused, "\(pf) and VFs of it share that slot, and no guest can have both: attach each by itself")
    }
    let notes =
      try await crowdNotes(addresses.count, state.inactive, guest)
      + whatSpeaksAgainst(functions, host, state, .config)
    do {
      let isDefined = try await guests.addToDefinition(ofGuest: guest.uuid) { document in
        try Self.functions(addresses, in: document)
      }
      guard isDefined else { throw FlowError(.notFound, "guest \(guest.name) is not defined any more") }
    } catch let error as FlowError where error.code != .unavailable {
      throw error
    } catch {
      // Its answer may be all that was lost.
      try await checkAreDefined(addresses, guest, after: error)
    }
    let list = addresses.map(\.description).joined(separator: ", ")
    log.notice("attached", metadata: ["guest": "\(guest.name)", "devices": "\(list)"])
    let attached = GuestView.Device(kind: .hostdev, pci: addresses[0], scope: .config)
    return await outcome(guest, attached, notes, "will have \(list) in one slot from its next start on")
  }

  private func checkAreDefined(_ addresses: [PCIAddress], _ guest: GuestID, after error: any Error) async throws {
    let now: GuestDocument?
    do { now = try await guests.guest(guest.uuid)?.inactive } catch {
      throw FlowError(
        .failed,
        "it is not clear whether guest \(guest.name) is defined with \(addresses[0]): \(error); `vfpool guest list` tells "
          + "once libvirt answers again")
    }
    guard now?.description.vfs.isSuperset(of: addresses) == true else {
      throw FlowError(
        (error as? FlowError)?.code ?? .failed,
        "\(addresses[0]) and its neighbours were not attached to guest \(guest.name), and all is as it was: \(error)")
    }
  }

  /// What is to be added to a definition; functions keep their numbers where that gives the slot a function 0, without
  /// which a guest sees none.
  private static func functions(_ addresses: [PCIAddress], in document: GuestDocument) throws(FlowError) -> [String] {
    let guest = document.description.guest.name
    if let pci = addresses.first(where: document.description.vfs.contains) {
      throw FlowError(.refused, "guest \(guest) has \(pci) already")
    }
    guard let place = document.pci.freeSlot else { throw FlowError(.refused, document.pci.noSlot(guest: guest)) }
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
    guard !others.isEmpty, isLive || place.function == 0 else { return }
    let what = others.map { $0.pci.map { "\($0)" } ?? "another device" }.joined(separator: ", ")
    throw FlowError(
      .refused,
      isLive
        ? "guest \(guest.name) has it in one slot with \(what), and running guests can't let go of single functions: take it "
          + "out of the definition (--config), and start the guest anew"
        : "it is the first function of a slot in guest \(guest.name), which would not see the others without it; detach "
          + "those first: \(what)")
  }
}
