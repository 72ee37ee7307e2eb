import FaultPoints
import FlowFakes
import PoolFlows
import PoolModel
import Synchronization
import Testing

/// Before a call the fault keeps it from having an effect; after it only its answer is lost.
struct FaultyNeighboursTests {
  private let kernel = FakeKernel(pfs: 1)
  private let ledger = FakeLedger()
  private let vf = VFIndex(pf: "enp1s0", index: 0)

  private func neighbours(_ check: @escaping FaultCheck) -> PoolManager.Neighbours {
    let libvirt = FakeLibvirt(kernel: kernel)
    let clock = FakeClock()
    return PoolManager.Neighbours(
      links: kernel, networks: libvirt, guests: libvirt, devices: FakeDevices(kernel: kernel), ledger: ledger,
      now: { clock.tick() }, newUUID: { clock.uuid() }
    ).withFaults(check)
  }

  private func failing(at point: FaultPoint) -> PoolManager.Neighbours {
    neighbours { if $0 == point { throw FaultError(.EBUSY, at: $0) } }
  }

  @Test(arguments: FaultPoint.Moment.allCases)
  func failedWriteIsTheVFsOwnError(_ moment: FaultPoint.Moment) async throws {
    let links = failing(at: FaultPoint(.linksWrite, moment)).links
    let errors = try await links.write([(vf, VFSettings(trust: true))])
    #expect(errors.count == 1 && errors[0] is FaultError)
    #expect(kernel[vf]?.trust == (moment == .after))
  }

  @Test(arguments: FaultPoint.Moment.allCases)
  func failedCommit(_ moment: FaultPoint.Moment) async throws {
    let faulty = failing(at: FaultPoint(.ledgerCommit, moment)).ledger
    let count = OwnVFCount(pci: PCIAddress(bus: 1, slot: 0, function: 0), mac: nil, name: "enp1s0", count: 3)
    await #expect(throws: FaultError.self) { try await faulty.commit([.keepCount(count)]) }
    #expect(ledger.contents.counts.count == (moment == .after ? 1 : 0))
    let answer = Mutex<Result<Void, any Error>?>(nil)
    faulty.commit([.forgetCount(count.pci)]) { result in answer.withLock { $0 = result } }
    #expect(throws: FaultError.self) { try answer.withLock { $0 }?.get() }
    #expect(ledger.contents.counts.isEmpty)
  }

  @Test func eachCallPassesBothItsPoints() async throws {
    let seen = Mutex<[FaultPoint]>([])
    let all = neighbours { point in seen.withLock { $0.append(point) } }
    _ = try await all.links.inventory(counters: false)
    _ = try await all.networks.networkNames()
    _ = try await all.guests.running()
    _ = await all.devices.users(of: [])
    _ = try await all.ledger.load()
    let calls: [FaultPoint.Call] = [.linksInventory, .networksNames, .guestsRunning, .devicesUsers, .ledgerLoad]
    #expect(seen.withLock { $0 } == calls.flatMap { [FaultPoint($0, .before), FaultPoint($0, .after)] })
  }
}
