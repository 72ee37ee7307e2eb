/// The daemon's routes; everything but hooks and metrics answers with JSON.
///
/// | method and path | query | answer |
/// |---|---|---|
/// | GET /v1/status | | StatusReport |
/// | GET /v1/events | | server-sent events, each an EventRow; header Last-Event-ID |
/// | GET /metrics | | OpenMetrics or Prometheus text |
/// | GET /openapi.json | | OpenAPI 3.1 |
/// | GET /, /style.css, /app.js | | the web page |
/// | GET /v1/pfs | | [PFRow] |
/// | GET /v1/vfs | pf, counters | [VFRow] |
/// | PATCH /v1/vfs | vf (several; also PF/0-6, PF/*) | [VFRow]; body VFChange |
/// | POST /v1/vfs/reset | vf, disrupt | VFRow |
/// | POST /v1/vfs/quarantine | vf, why | VFRow |
/// | POST /v1/vfs/unquarantine | vf | VFRow |
/// | GET /v1/pools | | [PoolRow] |
/// | GET /v1/pools/detail | pool | PoolDetail |
/// | GET /v1/pools/netdef | pool | XML |
/// | GET /v1/pools/explain | pool, guest | PlacementReport |
/// | POST /v1/pools/apply | file, plan, ifPlan | PlanReport; body netdef XML |
/// | POST /v1/pools/enforce, start, stop, remove | pool, plan, ifPlan | PlanReport |
/// | GET /v1/leases | | [LeaseRow] |
/// | GET /v1/leases/history | mac, guest, vf, pool, at, limit | [LeaseRow], newest first |
/// | GET /v1/audit | since, user, limit | [AuditRow], newest first; not on the socket that only reads |
/// | GET /v1/macs | | [MACRow] |
/// | POST /v1/macs/bind | guest, nic, mac | MACChange; without mac the NIC's own, else a new one |
/// | POST /v1/macs/unbind | guest, nic | [MACRow] as they were; without nic all of the guest's |
/// | POST /v1/macs/import | plan, ifPlan | PlanReport; body: lines `GUEST POOL[/POSITION] MAC`, or [MACRow] |
/// | GET /v1/guests | | [GuestRow] |
/// | POST /v1/guests/attach | guest | GuestChange; body GuestAttachment |
/// | POST /v1/guests/detach | guest | GuestChange; body GuestDetachment |
/// | GET /v1/devices | | [DeviceRow] |
/// | GET /v1/devices/detail | device | DeviceReport |
/// | POST /v1/devices/detach, reattach, reset | device (several) | [DeviceChange] |
/// | POST /v1/reconcile | plan | PlanReport |
/// | POST /v1/enable | | PlanReport without steps; for the audit: the hooks are being linked |
/// | POST /v1/disable | | PlanReport; drops every hold, leases go on |
/// | POST /v1/pfs/set-vfs | pf, count, plan, ifPlan | PlanReport |
/// | POST /v1/pfs/selftest | pf | SelfTestReport |
/// | GET /v1/fleet/status | | FleetStatusReport |
/// | GET /v1/fleet/hosts | | [FleetHostRow] |
/// | GET /v1/fleet/find | mac, or guest | [FleetFoundRow] |
/// | GET /v1/fleet/place | pool, count | [FleetPlaceRow], the best first |
/// | GET /v1/fleet/events | | server-sent events, each a FleetEventRow |
/// | POST /v1/fleet/plan | | FleetPlanReport; body FleetApplication |
/// | POST /v1/fleet/apply | | FleetPlanReport; body FleetApplication with the plans' tokens |
/// | POST /v1/fleet/forget | pool | [FleetNetdefRow] that are left |
/// | POST /v1/fleet/forget-host | host | [FleetFoundRow] of what was bound there |
/// | POST /v1/hooks/qemu, /v1/hooks/network | object, op, subop | 200, or 409 with the refusal as plain text |
///
/// Failures: 400 bad request, 404 no such object, 409 refused, 500 failed, 503 libvirt or ledger not there: body `Failure`.
public enum Route {
  public static let status = "/v1/status"
  public static let events = "/v1/events"
  public static let metrics = "/metrics"
  public static let openAPI = "/openapi.json"
  public static let pfs = "/v1/pfs"
  public static let vfs = "/v1/vfs"
  public static let vfReset = "/v1/vfs/reset"
  public static let vfQuarantine = "/v1/vfs/quarantine"
  public static let vfUnquarantine = "/v1/vfs/unquarantine"
  public static let pools = "/v1/pools"
  public static let poolDetail = "/v1/pools/detail"
  public static let poolNetdef = "/v1/pools/netdef"
  public static let poolExplain = "/v1/pools/explain"
  public static let poolApply = "/v1/pools/apply"
  public static let poolEnforce = "/v1/pools/enforce"
  public static let poolStart = "/v1/pools/start"
  public static let poolStop = "/v1/pools/stop"
  public static let poolRemove = "/v1/pools/remove"
  public static let leases = "/v1/leases"
  public static let leaseHistory = "/v1/leases/history"
  public static let audit = "/v1/audit"
  public static let macs = "/v1/macs"
  public static let macBind = "/v1/macs/bind"
  public static let macUnbind = "/v1/macs/unbind"
  public static let macImport = "/v1/macs/import"
  public static let guests = "/v1/guests"
  public static let guestAttach = "/v1/guests/attach"
  public static let guestDetach = "/v1/guests/detach"
  public static let devices = "/v1/devices"
  public static let deviceDetail = "/v1/devices/detail"
  public static let deviceDetach = "/v1/devices/detach"
  public static let deviceReattach = "/v1/devices/reattach"
  public static let deviceReset = "/v1/devices/reset"
  public static let reconcile = "/v1/reconcile"
  public static let enable = "/v1/enable"
  public static let disable = "/v1/disable"
  public static let pfSetVFs = "/v1/pfs/set-vfs"
  public static let pfSelfTest = "/v1/pfs/selftest"
  public static let fleetStatus = "/v1/fleet/status"
  public static let fleetHosts = "/v1/fleet/hosts"
  public static let fleetFind = "/v1/fleet/find"
  public static let fleetPlace = "/v1/fleet/place"
  public static let fleetEvents = "/v1/fleet/events"
  public static let fleetPlan = "/v1/fleet/plan"
  public static let fleetApply = "/v1/fleet/apply"
  public static let fleetForget = "/v1/fleet/forget"
  public static let fleetForgetHost = "/v1/fleet/forget-host"
  public static let qemuHook = "/v1/hooks/qemu"
  public static let networkHook = "/v1/hooks/network"
  public static let daemonHook = "/v1/hooks/daemon"
}

/// Where vfpoold listens.
public enum SocketPath {
  /// root:vfpool 0660: may change.
  public static let readWrite = "/run/vfpool/vfpool.sock"
  /// root:libvirt 0660: reads.
  public static let readOnly = "/run/vfpool/vfpool-ro.sock"
}
