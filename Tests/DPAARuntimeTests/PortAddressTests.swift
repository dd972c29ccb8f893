import Foundation
import TestSupport
import Testing

@testable import DPAARuntime

/// What stands behind `--port interface=`.
@Suite struct PortAddressTests {
  @Test(
    arguments: [
      ("in.pcap", .capture("in.pcap")), ("./tap:x", .capture("./tap:x")),
      ("/a/b:c.pcap", .capture("/a/b:c.pcap")),
      ("tap:office0", .tap(.init(name: "office0"))),
      ("tap:t0@lab", .tap(.init(name: "t0", namespace: "lab"))),
      ("packet:eth1.7", .packet(.init(name: "eth1.7"))),
      ("xdp:eth1@lab", .xdp(.init(name: "eth1", namespace: "lab"))),
      ("stream:/tmp/a,b.sock", .stream(.path("/tmp/a,b.sock"), isServer: false)),
      ("stream:lab.example:5000", .stream(.host("lab.example", 5000), isServer: false)),
      ("stream-server:[::1]:65535", .stream(.host("::1", 65_535), isServer: true)),
      (
        "dgram:127.0.0.1:1,127.0.0.1:2",
        .datagram(local: .host("127.0.0.1", 1), remote: .host("127.0.0.1", 2))
      ),
      ("dgram:./a,./b", .datagram(local: .path("./a"), remote: .path("./b"))),
      ("loop:fm1-10g1", .loop("fm1-10g1")),
    ] as [(String, PortAddress)])
  func `a line's address is read, and written as it was read`(text: String, address: PortAddress)
    throws
  {
    #expect(try PortAddress(text) == address)
    #expect("\(address)" == text)
  }

  @Test(
    arguments: [
      ("tap:", "'' names no network device: 1 to 15 letters, without / : % and spaces"),
      ("tap:a234567890123456", "'a234567890123456' names no network device"),
      ("tap:t%d", "'t%d' names no network device"), ("packet:..", "'..' names no network device"),
      ("tap:a\u{7}", "names no network device"),
      ("tap:t0@", "'' names no namespace of ip netns"),
      ("tap:t0@../x", "'../x' names no namespace of ip netns"),
      (
        "stream:net.sock",
        "'net.sock' is neither a path with a slash, such as ./net.sock, nor HOST:PORT"
      ),
      ("stream:host:0", "'host:0' is not HOST:PORT with a port from 1 to 65535"),
      ("stream:host:65536", "is not HOST:PORT"), ("stream::1", "is not HOST:PORT"),
      ("stream:[]:80", "'[]:80' is not HOST:PORT"),
      ("stream:::1:80", "an IPv6 address stands in brackets: [::1]:80"),
      (
        "stream:/" + String(repeating: "a", count: 107),
        "a socket's path has 107 bytes at most, and"
      ),
      ("dgram:./a", "dgram wants two addresses, its own and its peer's: dgram:LOCAL,REMOTE"),
      ("dgram:./a,./b,./c", "dgram wants two addresses"),
      ("dgram:./a,localhost:5", "./a and localhost:5 are of two kinds: a path and a host"),
      ("dgram:./a,./a", "./a would be its own peer"),
      ("loop:", "loop wants an interface: loop:INTERFACE"),
      ("tpa:t0", "there is no file tpa:t0, and lines are written tap:NAME[@NETNS], packet:"),
    ])
  func `what is no address says what would be right`(text: String, reason: String) {
    do throws(PortAddress.Fault) {
      let address = try PortAddress(text)
      Issue.record("\(text) was read as \(address)")
    } catch {
      #expect(error.reason.contains(reason))
    }
  }

  @Test func `a capture whose name looks like a line's is found when it is there`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write("a:b", .init())
    #expect(try PortAddress(path) == .capture(path))
  }

  @Test func `a port is connected once, with what there is`() {
    let configuration = Talk.configuration()
    var options = RunOptions(directory: "", guestProgram: [])
    #expect(options.setPort("fm1-10g0=tap:t0", from: "/", in: configuration) == nil)
    #expect(
      options.setPort("fm1-10g0=a.pcap", from: "/", in: configuration)
        == "fm1-10g0=a.pcap: fm1-10g0 is connected twice")
    #expect(
      options.setPort("fm9=a.pcap", from: "/", in: configuration)
        == "fm9=a.pcap: the plan has no interface fm9 to connect; it has fm1-10g0")
    for text in ["", "=", "fm1-10g0", "=tap:x", "fm1-10g0="] {
      #expect(options.setPort(text, from: "/", in: configuration)?.contains("write it as") == true)
    }
    #expect(options.lines == ["fm1-10g0": .tap(.init(name: "t0"))])
    #expect(options.setPort("x=a.pcap", from: "/here") == nil)
    #expect(options.replays == ["x": "/here/a.pcap"])
  }
}
