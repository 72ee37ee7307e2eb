import ControlAPI
import PoolFlows
import PoolModel

extension PlacementReport {
  init(_ view: PlacementView) {
    self.init(
      pool: view.pool, guest: view.guest, placement: view.placement, numaNodes: view.numaNodes.sorted(),
      nics: view.nics, refusal: view.refusal,
      vfs: view.vfs.map { vf in
        PlacementRow(
          rank: vf.rank, id: vf.id, pci: vf.vf, nic: vf.nic, held: vf.isHeld, kind: vf.obstacle, guest: vf.holder,
          why: vf.why)
      })
  }
}
