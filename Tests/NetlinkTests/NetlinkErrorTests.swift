import Glibc
import Testing

@testable import Netlink

@Suite struct NetlinkErrorTests {
  @Test(
    arguments: [
      (EOPNOTSUPP, .notSupported), (EBUSY, .busy), (EAGAIN, .busy), (EINVAL, .refused), (EPERM, .refused),
      (ENODEV, .noSuchLink), (EMSGSIZE, .messageTooLong), (ENOBUFS, .system),
    ] as [(Int32, NetlinkError.Code)])
  func codes(errno: Int32, code: NetlinkError.Code) {
    #expect(NetlinkError(errno: errno, operation: "set trust on on", subject: "enp1s0/3").code == code)
  }

  @Test(arguments: [
    (
      NetlinkError(errno: EOPNOTSUPP, operation: "set linkState auto on", subject: "enp1s0/3"),
      "cannot set linkState auto on enp1s0/3: operation not supported; its driver doesn't offer this"
    ),
    (
      NetlinkError(
        errno: EINVAL, operation: "set up", subject: "enp1s0", kernelText: "mtu greater than device maximum"),
      "cannot set up enp1s0: mtu greater than device maximum (invalid argument)"
    ),
    (
      NetlinkError(code: .interrupted, operation: "list", subject: "links"),
      "cannot list links; links keep changing, try again"
    ),
  ])
  func descriptions(error: NetlinkError, text: String) { #expect(error.description == text) }
}
