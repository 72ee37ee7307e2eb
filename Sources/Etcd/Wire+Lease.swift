extension Wire {
  struct LeaseGrant: Encodable {
    var TTL: Signed
    var ID: Signed
  }

  struct LeaseRequest: Encodable {
    var ID: Signed
  }

  struct LeaseResponse: Answer {
    var header: Header?
    var ID: Signed?
    /// Seconds; nil: it has ended.
    var TTL: Signed?

    var isWhole: Bool { ID != nil }
  }
}
