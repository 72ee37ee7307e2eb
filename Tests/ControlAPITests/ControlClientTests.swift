import ControlAPI
import Foundation
import Glibc
import PoolModel
import SocketFakes
import Testing

@Suite struct ControlClientTests {
  static let plan = #"{"steps":["define network tenant-a"],"disruptedGuests":[],"token":"t1","done":false,"notes":[]}"#

  private func client(_ daemon: FakeDaemon) -> ControlClient { ControlClient(readWrite: daemon.path, readOnly: nil) }

  /// Runs a call that must fail.
  private func failure(_ call: () throws(ControlClientError) -> Void) -> ControlClientError? {
    do throws(ControlClientError) {
      try call()
      return nil
    } catch { return error }
  }

  @Test func readsRows() throws {
    let daemon = try FakeDaemon { _ in
      (
        200,
        #"[{"name":"p","uuid":null,"active":true,"autostart":true,"policy":"spread","total":7,"free":6,"leased":1,"#
          + #""reserved":0,"quarantined":0,"hostUsed":0,"gone":0,"mode":"observe","newerField":1}]"#
      )
    }
    let pools = try client(daemon).pools()
    #expect(pools.map(\.name) == ["p"])
    #expect(pools.first?.mode == .observe)
    #expect(daemon.lines == ["GET /v1/pools"])
  }

  @Test func encodesQueriesAndBodies() throws {
    let daemon = try FakeDaemon { request in (200, request.line.hasPrefix("GET") ? "[]" : Self.plan) }
    let client = client(daemon)
    let report = try client.apply(netdef: Array("<network/>".utf8), file: "a b.xml", plan: true)
    #expect(report.token == "t1")
    _ = try client.remove(pool: "ä&b", ifPlan: "t1")
    _ = try client.setVFs(pf: "enp1s0", count: 4)
    _ = try client.history(
      HistoryFilter(mac: MACAddress("52:54:00:aa:00:01"), at: Timestamp(milliseconds: 0), limit: 5))
    _ = try client.reconcile(plan: true)
    _ = try client.disable()
    #expect(
      daemon.lines == [
        "POST /v1/pools/apply?plan=true&file=a%20b.xml", "POST /v1/pools/remove?ifPlan=t1&pool=%C3%A4%26b",
        "POST /v1/pfs/set-vfs?pf=enp1s0&count=4",
        "GET /v1/leases/history?mac=52%3A54%3A00%3Aaa%3A00%3A01&at=1970-01-01T00%3A00%3A00.000Z&limit=5",
        "POST /v1/reconcile?plan=true", "POST /v1/disable",
      ])
    #expect(daemon.requests.first?.body == "<network/>")
    #expect(daemon.requests.first?.headers["content-type"] == "application/xml")
  }

  @Test func sendsAVFChangeThatTheDaemonReads() throws {
    let daemon = try FakeDaemon { request in
      (200, request.line.hasPrefix("PATCH") ? JSONText([RowsTests.bareVF]).compact : JSONText(RowsTests.bareVF).compact)
    }
    let change = VFChange(settings: VFSettings(vlan: .untagged, trust: true), disrupt: ["a1"])
    #expect(try client(daemon).set(vfs: ["enp1s0/3", "enp2s0/0-6"], change) == [RowsTests.bareVF])
    _ = try client(daemon).reset(vf: "0000:01:10.0", disrupt: ["a1", "b,2"])
    let request = try #require(daemon.requests.first)
    #expect(request.headers["content-type"] == "application/json")
    #expect(try JSONDecoder().decode(VFChange.self, from: Data(request.body.utf8)) == change)
    #expect(
      daemon.lines == [
        "PATCH /v1/vfs?vf=enp1s0%2F3&vf=enp2s0%2F0-6",
        "POST /v1/vfs/reset?vf=0000%3A01%3A10.0&disrupt=a1&disrupt=b%2C2",
      ])
  }

  @Test func bindsMACs() throws {
    let change = MACChange(binding: RowsTests.macRow, notes: [])
    let daemon = try FakeDaemon { request in
      if request.line.contains("unbind") { return (200, JSONText([RowsTests.macRow]).compact) }
      return (200, request.line.contains("import") ? Self.plan : JSONText(change).compact)
    }
    let client = client(daemon)
    let nic = NICName(pool: "p", position: 1)
    #expect(try client.bind(guest: "a b", nic: nic, mac: RowsTests.mac) == change)
    _ = try client.bind(guest: "a", nic: nic, mac: nil)
    #expect(try client.unbind(guest: "a", nic: nic) == [RowsTests.macRow])
    _ = try client.unbind(guest: "a", nic: nil)
    _ = try client.bind(list: Array("a p 52:54:00:00:00:01".utf8), plan: true)
    #expect(
      daemon.lines == [
        "POST /v1/macs/bind?guest=a%20b&nic=p%2F1&mac=52%3A54%3A00%3Aaa%3A00%3A01",
        "POST /v1/macs/bind?guest=a&nic=p%2F1", "POST /v1/macs/unbind?guest=a&nic=p%2F1",
        "POST /v1/macs/unbind?guest=a", "POST /v1/macs/import?plan=true",
      ])
    #expect(daemon.requests.last?.body == "a p 52:54:00:00:00:01")
  }

  @Test func asksForDevicesByWhatTheyAreCalled() throws {
    let change = DeviceChange(row: RowsTests.bareDevice, done: "is on vfio-pci now", notes: [])
    let report = DeviceReport(row: RowsTests.bareDevice, companions: [], libvirt: nil, notes: ["n"])
    let daemon = try FakeDaemon { request in
      switch request.line.split(separator: " ").map(String.init) {
      case ["GET", "/v1/devices"]: (200, JSONText([RowsTests.bareDevice]).compact)
      case let words where words[0] == "GET": (200, JSONText(report).compact)
      default: (200, JSONText([change]).compact)
      }
    }
    let client = client(daemon)
    #expect(try client.devices() == [RowsTests.bareDevice])
    #expect(try client.device("enp1s0/3") == report)
    #expect(try client.detach(devices: ["0000:01:10.0", "pci_0000_01_10_2"]) == [change])
    _ = try client.reattach(devices: ["01:10.0"])
    _ = try client.reset(devices: ["01:10.0"])
    #expect(
      daemon.lines == [
        "GET /v1/devices", "GET /v1/devices/detail?device=enp1s0%2F3",
        "POST /v1/devices/detach?device=0000%3A01%3A10.0&device=pci_0000_01_10_2",
        "POST /v1/devices/reattach?device=01%3A10.0", "POST /v1/devices/reset?device=01%3A10.0",
      ])
  }

  static let answers: [(Int, String, ControlClientError.Code, String?)] = [
    (400, #"{"error":"line 7: no <forward>"}"#, .refused, "line 7: no <forward>"),
    (404, #"{"error":"no pool x"}"#, .refused, "no pool x"),
    (409, #"{"error":"guest a1 would lose its VF"}"#, .refused, "guest a1 would lose its VF"),
    (500, #"{"error":"disk full"}"#, .failed, "disk full"),
    (503, #"{"error":"libvirt isn't there"}"#, .failed, "libvirt isn't there"),
    (502, "<html>", .failed, "vfpoold answered GET /v1/pools/detail with status 502"),
    (200, "{", .malformed, nil),
  ]

  @Test(arguments: answers)
  func failures(status: Int, body: String, code: ControlClientError.Code, text: String?) throws {
    let daemon = try FakeDaemon { _ in (status, body) }
    let client = client(daemon)
    let error = try #require(failure { () throws(ControlClientError) in _ = try client.pool("x") })
    #expect(error.code == code)
    #expect(error.operation == "GET /v1/pools/detail")
    if let text { #expect(error.text == text) }
    #expect(error.status == (code == .malformed ? nil : status))
  }

  @Test func nobodyListens() throws {
    let missing = "/tmp/vfpool-test-nobody-\(getpid()).sock"
    let client = ControlClient(readWrite: missing, readOnly: missing + "-ro")
    let error = try #require(failure { () throws(ControlClientError) in _ = try client.status() })
    #expect(error.code == .unreachable)
    #expect(
      error.text
        == "vfpoold doesn't answer on \(missing) (no such file or directory); start it with: systemctl start vfpoold")
  }

  @Test func readsGoToTheReadOnlySocketWhenTheOtherIsMissing() throws {
    let daemon = try FakeDaemon { _ in (200, "[]") }
    let client = ControlClient(readWrite: daemon.path + "-missing", readOnly: daemon.path)
    #expect(try client.pools().isEmpty)
    let error = try #require(failure { () throws(ControlClientError) in _ = try client.disable() })
    #expect(error.code == .unreachable)
    #expect(daemon.lines == ["GET /v1/pools"])
  }

  @Test(.enabled(if: geteuid() != 0, "root may use every socket"))
  func aForbiddenSocketIsARefusalWithTheGroup() throws {
    let daemon = try FakeDaemon { _ in (200, "[]") }
    #expect(chmod(daemon.path, 0) == 0)
    let client = client(daemon)
    let error = try #require(failure { () throws(ControlClientError) in _ = try client.pools() })
    #expect(error.code == .refused)
    #expect(error.text.contains("member of the group vfpool"))
  }
}
