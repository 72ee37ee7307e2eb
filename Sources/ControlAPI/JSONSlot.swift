/// Where an encoder puts one value.
final class JSONSlot {
  var node = JSONNode.null

  func fill(_ value: some Encodable, path: [any CodingKey]) {
    // The containers below never throw, and no type of this API does.
    try? value.encode(to: JSONSlotEncoder(slot: self, codingPath: path))
    if value is any NamedByStrings, case .object(let members) = node {
      node = .object(members.sorted { $0.name < $1.name })
    }
  }

  /// A new last element of the array that this slot holds from now on.
  func element() -> JSONSlot {
    var elements: [JSONSlot] = []
    if case .array(let earlier) = node { elements = earlier }
    // Without a second owner the array grows in place.
    node = .null
    let slot = JSONSlot()
    elements.append(slot)
    node = .array(elements)
    return slot
  }

  /// A new last member of the object that this slot holds from now on.
  func member(_ name: String) -> JSONSlot {
    var members: [(name: String, value: JSONSlot)] = []
    if case .object(let earlier) = node { members = earlier }
    node = .null
    let slot = JSONSlot()
    members.append((name, slot))
    node = .object(members)
    return slot
  }
}

/// Dictionaries, which have no order of their own.
private protocol NamedByStrings {}
extension Dictionary: NamedByStrings where Key == String {}

struct JSONSlotEncoder: Encoder {
  let slot: JSONSlot
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .object = slot.node {} else { slot.node = .object([]) }
    return KeyedEncodingContainer(Keyed<Key>(slot: slot, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .array = slot.node {} else { slot.node = .array([]) }
    return Unkeyed(slot: slot, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(slot: slot, codingPath: codingPath) }

  private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    private func encoder(_ name: String) -> JSONSlotEncoder {
      JSONSlotEncoder(slot: slot.member(name), codingPath: codingPath)
    }

    func encodeNil(forKey key: Key) { _ = slot.member(key.stringValue) }
    func encode(_ value: some Encodable, forKey key: Key) {
      slot.member(key.stringValue).fill(value, path: codingPath + [key])
    }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { encoder(key.stringValue).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      encoder(key.stringValue).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { encoder("super") }
    func superEncoder(forKey key: Key) -> any Encoder { encoder(key.stringValue) }
  }

  private struct Unkeyed: UnkeyedEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    var count: Int { if case .array(let slots) = slot.node { slots.count } else { 0 } }

    private func encoder() -> JSONSlotEncoder { JSONSlotEncoder(slot: slot.element(), codingPath: codingPath) }

    func encodeNil() { _ = slot.element() }
    func encode(_ value: some Encodable) { slot.element().fill(value, path: codingPath) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
      encoder().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder() }
  }

  private struct Single: SingleValueEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    func encodeNil() { slot.node = .null }
    func encode(_ value: Bool) { slot.node = .literal(value ? "true" : "false") }
    func encode(_ value: String) { slot.node = .string(value) }
    func encode(_ value: Double) { slot.node = value.isFinite ? .literal(value.description) : .null }
    func encode(_ value: Float) { slot.node = value.isFinite ? .literal(value.description) : .null }
    func encode(_ value: Int) { number(value) }
    func encode(_ value: Int8) { number(value) }
    func encode(_ value: Int16) { number(value) }
    func encode(_ value: Int32) { number(value) }
    func encode(_ value: Int64) { number(value) }
    func encode(_ value: UInt) { number(value) }
    func encode(_ value: UInt8) { number(value) }
    func encode(_ value: UInt16) { number(value) }
    func encode(_ value: UInt32) { number(value) }
    func encode(_ value: UInt64) { number(value) }
    func encode(_ value: some Encodable) { slot.fill(value, path: codingPath) }

    private func number(_ value: some BinaryInteger) { slot.node = .literal(value.description) }
  }
}
