import Libvirt
import LibvirtXML
import PoolFlows

/// libvirt's domains, for the flows.
struct LibvirtGuests: Guests {
  let link: LibvirtLink

  func running() async throws -> [GuestDescription] {
    let xmls = try await link.guests.call { connection in try connection.runningDomainXMLs() }
    return try xmls.map { xml in
      // A guest that were left out would look as if it had stopped, and its VFs as if they were free.
      do { return try GuestDescription(xml: xml) } catch {
        throw FlowError(.failed, "cannot read a running guest: \(error)")
      }
    }
  }
}
