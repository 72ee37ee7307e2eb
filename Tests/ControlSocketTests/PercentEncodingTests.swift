import Testing

@testable import ControlSocket

struct PercentEncodingTests {
  @Test(arguments: [
    ("", ""), ("enp1s0", "enp1s0"), ("azAZ09-._~", "azAZ09-._~"), ("enp1s0/3", "enp1s0%2F3"),
    ("a b&c=d+e", "a%20b%26c%3Dd%2Be"), ("0000:01:10.0", "0000%3A01%3A10.0"), ("grün", "gr%C3%BCn"),
    ("100%\r\n", "100%25%0D%0A"),
  ])
  func encodes(text: String, expected: String) { #expect(percentEncoded(text) == expected) }
}
