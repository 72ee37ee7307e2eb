// swift-tools-version: 6.2
import Foundation
import PackageDescription

// `make check` turns warnings into errors; a user's build with a later compiler is not broken by a new warning.
let strict = ProcessInfo.processInfo.environment["VFPOOL_STRICT"] != nil
let swiftSettings: [SwiftSetting] =
  [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility")]
  + (strict ? [.treatAllWarnings(as: .error)] : [])
let cSettings: [CSetting] = strict ? [.treatAllWarnings(as: .error)] : []

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func cModule(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, cSettings: cSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency], linkerSettings: [LinkerSetting] = []) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, swiftSettings: swiftSettings, linkerSettings: linkerSettings)
}

func tests(_ module: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: module + "Tests", dependencies: [.byName(name: module)] + dependencies, exclude: exclude,
    swiftSettings: swiftSettings)
}

/// Relocations packed, no symbols exported, equal functions once: 6 MB less resident memory.
let smallLinking =
  ["-use-ld=lld"]
  + ["-z", "pack-relative-relocs", "--icf=safe", "--no-export-dynamic"].flatMap { ["-Xlinker", $0] }

let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
  name: "vfpool",
  products: [
    .executable(name: "vfpool", targets: ["vfpool"]),
    .executable(name: "vfpoold", targets: ["vfpoold"]),
    .executable(name: "vfpool-hook", targets: ["vfpool-hook"]),
    .executable(name: "vfpoold-faults", targets: ["vfpoold-faults"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.30.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: []),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.6.0"),
  ],
  targets: [
    // Mains are thin.
    program(
      "vfpool", ["Commands"],
      linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]),
    program("vfpoold", ["Daemon"], linkerSettings: [.unsafeFlags(smallLinking, .when(configuration: .release))]),
    // vfpoold with fault points, for tests; not in the package.
    program(
      "vfpoold-faults", ["Daemon", "FaultPoints"],
      linkerSettings: [.unsafeFlags(smallLinking, .when(configuration: .release))]),
    program("vfpool-hook", ["ControlSocket"], linkerSettings: [.unsafeFlags(["-static-executable"])]),

    // The face for people.
    module("Commands", ["ControlAPI", "Doctor", "HostConfig", "Sysfs", argumentParser]),

    // The daemon: wiring, routes, the story.
    module(
      "Daemon",
      [
        "ControlServer", "ControlAPI", "ControlSocket", "PoolFlows", "PoolModel", "LibvirtXML", "HostConfig", "Sysfs",
        "Netlink", "Libvirt", "LedgerStore", "Fleet", "EtcdFleet", "Etcd", logging, serviceLifecycle, unixSignals,
      ]),
    module(
      "ControlServer",
      [
        "ControlAPI", "Fleet", "PoolFlows", "PoolModel", "LibvirtXML", hummingbird, httpTypes, nioCore, nioHTTPTypes,
        nioPosix,
        logging, serviceLifecycle,
      ], exclude: ["openapi.json", "web"]),
    module("Fleet", ["ControlAPI", "LibvirtXML", "PoolFlows", "PoolModel", logging]),
    module("PoolFlows", ["PoolModel", "Allocator", "LibvirtXML", logging]),
    module("FaultPoints", ["PoolFlows", "PoolModel", "LibvirtXML"]),

    // What the daemon and the CLI say to each other.
    module("ControlAPI", ["PoolModel", "ControlSocket"]),
    module("ControlSocket"),

    // One module a neighbour: etcd, SQLite, libvirt, the kernel.
    module("EtcdFleet", ["Fleet", "Etcd"]),
    module("Etcd", [asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, logging]),
    module("LedgerStore", ["PoolModel", grdb]),
    module("Libvirt", ["PoolModel", "Clibvirt"]),
    module("Netlink", ["PoolModel", "Clibnl"]),
    module("Sysfs", ["PoolModel"]),
    module("HostConfig", ["PoolModel", "Sysfs"]),
    module("Doctor", ["PoolModel", "ControlSocket", "HostConfig", "Sysfs"]),
    cModule("Clibvirt", ["SystemLibvirt"]),
    cModule("Clibnl", ["SystemLibnl"]),
    .systemLibrary(name: "SystemLibvirt", pkgConfig: "libvirt", providers: [.apt(["libvirt-dev"])]),
    .systemLibrary(name: "SystemLibnl", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-route-3-dev"])]),

    // Values and pure functions.
    module("Allocator", ["PoolModel"]),
    module("LibvirtXML", ["PoolModel"]),
    module("PoolModel"),

    // Random numbers that are the same in every run.
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: swiftSettings),
    tests("PoolModel", ["SeededRandom"]),
    tests("Allocator", ["PoolModel", "SeededRandom"]),
    tests("LibvirtXML", ["PoolModel"]),
    tests("LedgerStore", ["PoolModel", "SeededRandom"]),
    tests("Libvirt", ["PoolModel", "Clibvirt"]),
    tests("Netlink", ["PoolModel", "Clibnl", "SeededRandom"], exclude: ["recordings"]),
    // A folder that looks like a host's root.
    .target(name: "HostFakes", dependencies: ["Sysfs"], path: "Tests/HostFakes", swiftSettings: swiftSettings),
    tests("Sysfs", ["HostFakes", "PoolModel"]),
    tests("HostConfig", ["HostFakes", "PoolModel"]),
    tests("Doctor", ["HostFakes", "PoolModel"]),
    tests("ControlSocket"),
    // A daemon's socket, for the tests of what calls it.
    .target(name: "SocketFakes", path: "Tests/SocketFakes", swiftSettings: swiftSettings),
    tests("ControlAPI", ["SocketFakes", "PoolModel"]),
    // A kernel, a libvirt and a ledger in memory, for the tests of what stands above them.
    .target(
      name: "FlowFakes", dependencies: ["Fleet", "PoolFlows", "PoolModel", "LibvirtXML", logging],
      path: "Tests/FlowFakes",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "hook-bench",
      dependencies: [
        "FlowFakes", "ControlServer", "PoolFlows", "PoolModel", "LibvirtXML", "LedgerStore", grdb, logging,
        serviceLifecycle,
      ], path: "Tests/bench", swiftSettings: swiftSettings),
    .executableTarget(
      name: "api-host",
      dependencies: [
        "FlowFakes", "Fleet", "ControlServer", "PoolFlows", "PoolModel", "LedgerStore", "LibvirtXML", grdb, logging,
        serviceLifecycle, unixSignals,
      ], path: "Tests/api", exclude: ["run"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "fleet-bench",
      dependencies: [
        "EtcdCluster", "Etcd", "EtcdFleet", "Fleet", "FlowFakes", "ControlAPI", "LibvirtXML", "PoolFlows", "PoolModel",
        logging,
      ],
      path: "Tests/fleet-bench", swiftSettings: swiftSettings),
    .executableTarget(
      name: "netlink-bench", dependencies: ["Netlink", "PoolModel", "Clibnl", "Syscalls"],
      path: "Tests/netlink-bench/Bench", swiftSettings: swiftSettings),
    .target(name: "Syscalls", path: "Tests/netlink-bench/Syscalls", cSettings: cSettings),
    tests("PoolFlows", ["FlowFakes", "PoolModel", "Allocator", "LibvirtXML", logging]),
    // Members of a real etcd, on loopback.
    .target(name: "EtcdCluster", path: "Tests/EtcdCluster", swiftSettings: swiftSettings),
    tests("Etcd", ["EtcdCluster", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, logging]),
    tests(
      "EtcdFleet",
      ["EtcdCluster", "Etcd", "ControlAPI", "Fleet", "FlowFakes", "PoolFlows", "PoolModel", "LibvirtXML", logging]),
    tests("Fleet", ["FlowFakes", "ControlAPI", "PoolFlows", "PoolModel", "LibvirtXML", logging]),
    tests("FaultPoints", ["FlowFakes", "PoolFlows", "PoolModel", "LibvirtXML", logging]),
    tests(
      "ControlServer",
      [
        "Fleet", "FlowFakes", "ControlAPI", "ControlSocket", "PoolFlows", "PoolModel", "LibvirtXML", logging,
        serviceLifecycle,
      ]),
    tests(
      "Daemon",
      [
        "Etcd", "LedgerStore", "Libvirt", "LibvirtXML", "Netlink", "PoolFlows", "PoolModel", "Sysfs", logging,
        serviceLifecycle,
      ]),
    tests("Commands", ["SocketFakes", "HostFakes", "ControlAPI", "Doctor", "HostConfig", "PoolModel", "Sysfs"]),
  ]
)
