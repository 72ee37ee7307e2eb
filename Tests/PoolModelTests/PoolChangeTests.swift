import Foundation
import PoolModel
import Testing

struct PoolChangeTests {
  @Test(arguments: [
    (PoolChange("quota 2 is new", .now), "quota 2 is new: now"),
    (PoolChange("<mtu> is another", .now, restartsNetwork: true), "<mtu> is another: now, by a restart of the network"),
    (PoolChange("trust on is new", .nextStart), "trust on is new: now"),
    (
      PoolChange("trust on is new", .nextStart, guests: ["a", "b"]),
      "trust on is new: for a, b at their next start, for others now"
    ),
    (
      PoolChange("VLAN 1 goes", .nextStart, restartsNetwork: true, guests: ["a"]),
      "VLAN 1 goes: for a at its next start, for others now, by a restart of the network"
    ),
    (PoolChange("p/1 leaves", .guestsStopped, guests: ["a"]), "p/1 leaves: not before a is stopped"),
    (
      PoolChange("p/1 leaves", .guestsStopped, restartsNetwork: true),
      "p/1 leaves: now, by a restart of the network"
    ),
  ])
  func inWords(_ change: PoolChange, _ words: String) { #expect("\(change)" == words) }

  @Test func onlyGuestsAreInTheWay() {
    #expect(PoolChange("x", .guestsStopped, guests: ["a"]).isBlocked)
    #expect(!PoolChange("x", .guestsStopped).isBlocked)
    #expect(!PoolChange("x", .nextStart, guests: ["a"]).isBlocked)
  }
}
