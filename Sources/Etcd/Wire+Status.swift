extension Wire {
  struct Empty: Encodable {}

  struct Authenticate: Encodable {
    var name: String
    var password: String
  }

  struct Authenticated: Answer {
    var token: String

    var isWhole: Bool { true }
  }

  struct Status: Answer {
    var header: Header?
    var version: String?
    var dbSize: Signed?
    var dbSizeInUse: Signed?
    var leader: Unsigned?
    var raftIndex: Unsigned?
    var errors: [String]?
    var isLearner: Bool?

    var isWhole: Bool { header?.member_id != nil && version != nil }
  }
}
