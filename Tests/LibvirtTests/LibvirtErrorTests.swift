import Clibvirt
import Testing

@testable import Libvirt

struct LibvirtErrorTests {
  @Test(
    "a code that callers act on is told by libvirt's number, its domain, or its words",
    arguments: [
      (VIR_ERR_NO_NETWORK, VIR_FROM_NETWORK, "", LibvirtError.Code.noNetwork),
      (VIR_ERR_NO_NETWORK_PORT, VIR_FROM_NETWORK, "", .noNetworkPort),
      (VIR_ERR_NETWORK_PORT_EXIST, VIR_FROM_NETWORK, "", .networkPortExists),
      (VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "", .noDomain),
      (VIR_ERR_OPERATION_INVALID, VIR_FROM_NETWORK, "network is already active", .operationInvalid),
      (
        VIR_ERR_INTERNAL_ERROR, VIR_FROM_NETWORK,
        "network 'p' claims dev='0000:01:10.0' is already in use by a different network port", .deviceInUse
      ),
      (VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "client socket is closed", .connectionLost),
      (VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "End of file while reading data: Input/output error", .connectionLost),
      (VIR_ERR_SYSTEM_ERROR, VIR_FROM_NETWORK, "cannot open file", .other),
      (VIR_ERR_INTERNAL_ERROR, VIR_FROM_NETWORK, "none are available", .other),
      (VIR_ERR_HOOK_SCRIPT_FAILED, VIR_FROM_HOOK, "", .hookRefused),
      (VIR_ERR_NO_MEMORY, VIR_FROM_NONE, "", .other),
    ])
  func code(number: virErrorNumber, domain: virErrorDomain, text: String, expected: LibvirtError.Code) {
    let code = LibvirtError.Code(rawCode: Int32(number.rawValue), rawDomain: Int32(domain.rawValue), text: text)
    #expect(code == expected)
  }

  @Test func unreachableIsToldFromLost() throws {
    let error = Result { () throws(LibvirtError) in
      try LibvirtConnection(uri: "test+unix:///default?socket=/nonexistent/libvirt-sock")
    }.failure
    #expect(error?.code == .cannotConnect)
    #expect(error?.text.contains("/nonexistent/libvirt-sock") == true)
  }

  @Test func messageNamesWhatWasTriedOnWhat() throws {
    let connection = try TestHost.connect()
    let error = try #require(
      Result { () throws(LibvirtError) in try connection.startNetwork("no-such") }.failure)
    #expect(error.code == .noNetwork)
    #expect(error.rawCode == Int32(VIR_ERR_NO_NETWORK.rawValue))
    #expect(error.description.hasPrefix("cannot find network 'no-such': "))
    #expect(error.text != "libvirt gave no text")
  }
}
