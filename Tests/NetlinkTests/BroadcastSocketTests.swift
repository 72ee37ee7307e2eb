import Glibc
import Testing

@testable import Netlink

/// The kernel tells of a device anew when its `uevent` file is written: only root may.
private let mayProvoke = access("/sys/class/net/lo/uevent", W_OK) == 0

private func provoke() {
  let file = open("/sys/class/net/lo/uevent", O_WRONLY)
  _ = write(file, "change", 6)
  close(file)
}

private func isOfLo(_ event: Uevent) -> Bool {
  event.action == "change" && event.subsystem == "net" && event.properties["INTERFACE"] == "lo"
}

@Suite struct BroadcastSocketTests {
  @Test(.enabled(if: mayProvoke)) func hearsTheKernel() throws {
    let socket = try BroadcastSocket.uevents()
    #expect(socket.drain { _ in })
    provoke()
    var events: [Uevent] = []
    let isWhole = socket.drain { events += Uevent($0).map { [$0] } ?? [] }
    #expect(isWhole)
    #expect(events.contains(where: isOfLo))
  }

  @Test(.enabled(if: mayProvoke), .timeLimit(.minutes(1))) func watchTellsOfTheSubsystemsAskedFor() async throws {
    let watch = try KernelWatch(subsystems: ["net"])
    provoke()
    var isTold = false
    for await event in watch.events {
      if case .device(let event) = event, isOfLo(event) {
        isTold = true
        break
      }
    }
    withExtendedLifetime(watch) {}
    #expect(isTold)
  }

  @Test func quietSocketsAreWhole() throws {
    let socket = try BroadcastSocket.links()
    #expect(socket.drain { _ in })
  }
}
