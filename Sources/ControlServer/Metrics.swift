import ControlAPI
import Fleet
import PoolFlows
import PoolModel

/// `GET /metrics`: what is so now, read from kernel, libvirt and ledger, and what was counted since vfpoold started.
struct Metrics {
  let view: HostView
  let tally: Tally
  let hooks: [String: HookTimes.Step]
  let hooksEnabled: Bool
  let version: String
  /// Nil: this host is in none.
  let fleet: (connection: FleetAgent.Connection, pending: Int)?

  private typealias Sample = MetricsText.Sample

  func text(_ format: MetricsText.Format) -> String {
    var text = MetricsText(format)
    addVFs(to: &text)
    addPools(to: &text)
    addCounts(to: &text)
    addHooks(to: &text)
    addHost(to: &text)
    if let fleet { addFleet(fleet.connection, fleet.pending, to: &text) }
    text.end()
    return text.text
  }

  // The names, and the labels pf, vf, pciAddr and numa_node, are those of sriov-network-metrics-exporter.
  private func addVFs(to text: inout MetricsText) {
    let counted: [(name: String, help: String, value: (VFCounters) -> UInt64)] = [
      ("rx_bytes", "Bytes that the VF has received.", \.rxBytes),
      ("tx_bytes", "Bytes that the VF has sent.", \.txBytes),
      ("rx_packets", "Packets that the VF has received.", \.rxPackets),
      ("tx_packets", "Packets that the VF has sent.", \.txPackets),
      ("rx_dropped", "Packets to the VF that were dropped.", \.rxDropped),
      ("tx_dropped", "Packets from the VF that were dropped.", \.txDropped),
      ("rx_broadcast", "Broadcast packets that the VF has received.", \.broadcast),
      ("rx_multicast", "Multicast packets that the VF has received.", \.multicast),
    ]
    let rows = view.vfRows().filter { $0.index >= 0 }
    for (name, help, value) in counted {
      text.add(
        "sriov_vf_\(name)", .oldCounter, help,
        rows.compactMap { row in
          row.counters.map {
            Sample(
              [
                "pf": row.pf, "vf": "\(row.index)", "pciAddr": row.pci.map { "\($0)" } ?? "",
                "numa_node": "\(row.numaNode ?? -1)",
              ], Double(value($0)))
          }
        })
    }
    text.add(
      "vfpool_vf_info", .gauge, "Who has the VF; 1.",
      rows.map { row in
        Sample(
          [
            "pf": row.pf, "vf": "\(row.index)", "pciAddr": row.pci.map { "\($0)" } ?? "", "pool": row.pool ?? "",
            "state": row.state.rawValue, "guest": row.guest ?? "",
            "mac": (row.leaseMac ?? row.mac).map { "\($0)" } ?? "",
          ], 1)
      })
  }

  private func addPools(to text: inout MetricsText) {
    let pools = view.contents.pools.values.sorted { $0.name < $1.name }
    text.add(
      "vfpool_pool_vfs", .gauge, "VFs of the pool by state.",
      pools.flatMap { pool in
        let fill = view.fill(of: pool)
        return VFStanding.Kind.allCases.map { Sample(["pool": pool.name, "state": "\($0)"], fill[$0]) }
      })
    text.add(
      "vfpool_pool_active", .gauge, "Whether the pool's network runs.",
      pools.map { Sample(["pool": $0.name], view.networks[$0.name]?.active ?? false) })
    let leases = view.contents.leases.values
    text.add(
      "vfpool_leases", .gauge, "Open leases of the pool by state.",
      pools.flatMap { pool in
        LeaseState.allCases.map { state in
          Sample(
            ["pool": pool.name, "state": state.rawValue], leases.count { $0.pool == pool.name && $0.state == state })
        }
      })
  }

  private func addCounts(to text: inout MetricsText) {
    text.add(
      "vfpool_leases_ended", .counter, "Leases that are over; failed: a start that never got its VF.",
      tally.leasesEnded.sorted { ($0.key.pool, $0.key.outcome) < ($1.key.pool, $1.key.outcome) }.map {
        Sample(["pool": $0.key.pool, "outcome": $0.key.outcome], $0.value)
      })
    text.add(
      "vfpool_refusals", .counter, "Starts and attachments that policy forbade.",
      tally.refusals.sorted { ($0.key.pool, $0.key.reason.rawValue) < ($1.key.pool, $1.key.reason.rawValue) }.map {
        Sample(["pool": $0.key.pool, "reason": $0.key.reason.rawValue], $0.value)
      })
    text.add(
      "vfpool_reconcile_drifts", .counter, "Differences that reconciling repaired.",
      tally.drifts.sorted { $0.key < $1.key }.map { Sample(["kind": $0.key], $0.value) })
    text.add(
      "vfpool_reconcile_failures", .counter, "Differences that reconciling could not repair.",
      [Sample(tally.repairFailures)])
    text.add(
      "vfpool_quarantines", .counter, "VFs that were put into quarantine.",
      tally.quarantines.sorted { $0.key < $1.key }.map { Sample(["pf": $0.key], $0.value) })
  }

  private func addHooks(to text: inout MetricsText) {
    let steps = hooks.sorted { $0.key < $1.key }
    text.add(
      "vfpool_hook_duration_seconds", .histogram, "How long libvirt waited for a step of its hooks.",
      steps.filter { $0.value.count > 0 }.flatMap { name, step in
        var sum = 0
        let buckets = zip(HookTimes.bounds, step.counts).map { bound, count in
          sum += count
          return Sample(["step": name, "le": "\(bound)"], Double(sum), suffix: "_bucket")
        }
        return buckets + [
          Sample(["step": name, "le": "+Inf"], Double(step.count), suffix: "_bucket"),
          Sample(["step": name], step.seconds, suffix: "_sum"),
          Sample(["step": name], Double(step.count), suffix: "_count"),
        ]
      })
    text.add(
      "vfpool_hook_late", .counter, "Hook calls that came when libvirt no longer waited.",
      steps.map { Sample(["step": $0.key], $0.value.late) })
  }

  private func addHost(to text: inout MetricsText) {
    text.add(
      "vfpool_pf_carrier", .gauge, "Whether the PF has a carrier; missing while it is down.",
      view.inventory.pfs.compactMap { pf in pf.carrier.map { Sample(["pf": pf.name], $0) } })
    text.add(
      "vfpool_hooks_enabled", .gauge, "Whether libvirt calls vfpool's hooks, and they do something.",
      [Sample(hooksEnabled)])
    text.add("vfpool_libvirt_connected", .gauge, "Whether vfpoold is connected to libvirt.", [Sample(view.isConnected)])
    text.add(
      "vfpool_ledger_writable", .gauge, "Whether the last write to the ledger succeeded.",
      [
        Sample(view.isLedgerWritable)
      ])
    text.add(
      "vfpool_problems", .gauge, "What “vfpool status” lists as problems.",
      [
        Sample(view.allProblems.count)
      ])
    text.add("vfpool_build_info", .gauge, "vfpoold's version; 1.", [Sample(["version": version], 1)])
  }

  private func addFleet(_ connection: FleetAgent.Connection, _ pending: Int, to text: inout MetricsText) {
    let isConnected = if case .connected = connection { true } else { false }
    text.add("vfpool_fleet_connected", .gauge, "Whether this host is in its fleet now.", [Sample(isConnected)])
    text.add(
      "vfpool_fleet_pending_records", .gauge, "Records of this host's that the fleet's store hasn't got yet.",
      [Sample(pending)])
  }
}
