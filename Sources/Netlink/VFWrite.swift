import PoolModel

/// What is to be written to one VF.
public struct VFWrite: Hashable, Sendable {
  /// The interface index of the PF's netdev.
  public var ifindex: Int32
  public var vf: Int
  public var settings: VFSettings

  public init(ifindex: Int32, vf: Int, settings: VFSettings) {
    self.ifindex = ifindex
    self.vf = vf
    self.settings = settings
  }
}
