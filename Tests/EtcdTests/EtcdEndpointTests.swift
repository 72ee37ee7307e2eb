import Testing

@testable import Etcd

struct EtcdEndpointTests {
  @Test(arguments: [
    ("https://etcd1.example.net:2379", "https://etcd1.example.net:2379", true),
    ("HTTPS://10.0.0.1:443/", "https://10.0.0.1:443", true),
    ("https://[2001:db8::1]:2379", "https://[2001:db8::1]:2379", true),
    ("https://[2001:db8::1]", "https://[2001:db8::1]:2379", true),
    ("https://etcd1", "https://etcd1:2379", true),
    ("http://127.0.0.1:1", "http://127.0.0.1:1", false),
    ("http://127.8.9.10:65535", "http://127.8.9.10:65535", false),
    ("http://[::1]:2379", "http://[::1]:2379", false),
    ("http://[0:0:0:0:0:0:0:1]", "http://[0:0:0:0:0:0:0:1]:2379", false),
    ("http://localhost:2379", "http://localhost:2379", false),
  ])
  func read(text: String, written: String, isSecure: Bool) throws {
    let endpoint = try EtcdEndpoint(text)
    #expect("\(endpoint)" == written)
    #expect(endpoint.isSecure == isSecure)
    #expect(try EtcdEndpoint(written) == endpoint)
  }

  @Test(arguments: [
    ("http://10.0.0.1:2379", "is not encrypted"),
    ("http://127.0.0.1.example.net:2379", "is not encrypted"),
    ("http://128.0.0.1", "is not encrypted"),
    ("http://127.1", "is not encrypted"),
    ("http://[::2]", "is not encrypted"),
    ("http://[::ffff:127.0.0.1]", "is not encrypted"),
    ("http://localhost.example.net", "is not encrypted"),
    ("10.0.0.1:2379", "does not begin with https://"),
    ("unix:///run/etcd", "does not begin with https://"),
    ("", "does not begin with https://"),
    ("https://", "is not https://HOST:PORT"),
    ("https://a/b", "is not https://HOST:PORT"),
    ("https://user@a:1", "is not https://HOST:PORT"),
    ("https://[::1", "is not https://HOST:PORT"),
    ("https://[a]:1", "is not https://HOST:PORT"),
    ("https://[::1]x", "is not https://HOST:PORT"),
    ("https://2001:db8::1", "has no port from 1 to 65535"),
    ("https://a:", "has no port from 1 to 65535"),
    ("https://a:0", "has no port from 1 to 65535"),
    ("https://a:65536", "has no port from 1 to 65535"),
    ("https://a:+1", "has no port from 1 to 65535"),
    ("https://a: 1", "has no port from 1 to 65535"),
  ])
  func mistakesAreNamed(text: String, why: String) {
    let error = #expect(throws: EtcdError.self) { try EtcdEndpoint(text) }
    #expect(error?.description.contains("the etcd endpoint “\(text)” \(why)") == true, "\(error?.description ?? "")")
  }
}
