import Foundation
import TestSupport
import Testing

/// Several guests that one `dpaac attach` serves: what their plan connects, by byte-talking clients.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AttachFolderTests {
  @Test func `a link carries frames from guest to guest, and to nobody else`() throws {
    let server = try FolderServer()
    let (guest1, guest2) = (try server.guest(1), try server.guest(2))
    for length in [60, 1514] {
      let frame = FolderServer.frame(to: 0xff, length)
      guest1.send(frame, from: .peer)
      #expect(guest2.take(.peer) == [frame])
      guest2.send(frame, from: .peer)
      #expect(guest1.take(.peer) == [frame])
    }
    for guest in [guest1, guest2] {
      #expect(guest.take(.host).isEmpty)
      #expect(guest.take(.interface).isEmpty)
    }
    let end = try server.end()
    #expect(
      end.contains { $0.hasPrefix("end guest1 ") && $0.contains("frames sent 2, ") }, "\(end)")
    #expect(end.contains { $0.hasPrefix("end guest2 ") && $0.contains("received 2, ") }, "\(end)")
  }

  @Test func `the host answers ARP and echo requests`() throws {
    let server = try FolderServer()
    let guest = try server.guest(1)
    let own: [UInt8] = [2, 0, 0, 0, 0, 0x77]
    // Who has 10.1.0.1? Tell 10.1.0.2.
    var request = [UInt8](repeating: 0xff, count: 6) + own + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]
    request += own + [10, 1, 0, 2, 0, 0, 0, 0, 0, 0, 10, 1, 0, 1]
    request += [UInt8](repeating: 0, count: 18)
    guest.send(request, from: .host)
    let reply = try #require(guest.take(.host).first)
    let host = Array(reply[6..<12])
    #expect(Array(reply[..<6]) == own && host != own)
    #expect(Array(reply[20..<42]) == [0, 2] + host + [10, 1, 0, 1] + own + [10, 1, 0, 2])

    var echo = host + own + [8, 0, 0x45, 0, 0, 32, 0, 1, 0, 0, 64, 1, 0x66, 0xd8]
    echo += [10, 1, 0, 2, 10, 1, 0, 1, 8, 0, 0xf3, 0xf9, 0, 0, 0, 0, 1, 2, 3, 4]
    echo += [UInt8](repeating: 0, count: 14)
    guest.send(echo, from: .host)
    let answer = try #require(guest.take(.host).first)
    #expect(Array(answer[..<12]) == own + host)
    #expect(Array(answer[26..<34]) == [10, 1, 0, 1, 10, 1, 0, 2])
    // The type is 0, and 0xf3f9 + 0x0800 is 0xfbf9.
    #expect(Array(answer[34..<46]) == [0, 0, 0xfb, 0xf9, 0, 0, 0, 0, 1, 2, 3, 4])
    // Requests that are none: for another's address, a fragment, a probe for one's own address.
    for (place, byte) in [(5, 0x99), (20, 0x20), (34, 0)] as [(Int, UInt8)] {
      var other = echo
      other[place] = byte
      guest.send(other, from: .host)
    }
    request.replaceSubrange(28..<32, with: request[38..<42])
    guest.send(request, from: .host)
    #expect(guest.take(.host).isEmpty)
    _ = try server.end()
  }

  @Test func `a capture reaches whom the rules name, as soon as all are up`() throws {
    let destinations: [[UInt8]] = [
      [192, 168, 1, 11], [192, 168, 2, 5], [192, 168, 9, 9], [192, 168, 1, 11], [192, 168, 2, 255],
    ]
    let frames = destinations.enumerated().map { number, address in
      // An unknown protocol in IPv4, with a right checksum.
      var header: [UInt8] = [0x45, 0, 0, 46, 0, UInt8(number), 0, 0, 64, 253, 0, 0, 10, 0, 0, 1]
      header += address
      var sum = stride(from: 0, to: 20, by: 2).reduce(0) {
        $0 + Int(header[$1]) << 8 + Int(header[$1 + 1])
      }
      sum = 0xffff - (sum & 0xffff + sum >> 16)
      header.replaceSubrange(10..<12, with: [UInt8(sum >> 8), UInt8(sum & 0xff)])
      return [UInt8](repeating: 0, count: 12) + [8, 0] + header
        + [UInt8](repeating: UInt8(number), count: 26)
    }
    let server = try FolderServer(replay: frames)
    let guest1 = try server.guest(1)
    #expect(guest1.take(.interface).isEmpty)
    let guest2 = try server.guest(2)
    var (first, second): ([[UInt8]], [[UInt8]]) = ([], [])
    guest1.client.wait {
      first += guest1.take(.interface)
      second += guest2.take(.interface)
      return first.count + second.count >= 4
    }
    #expect(first.map { $0[19] } == [0, 3])
    #expect(second.map { $0[19] } == [1, 4])
    let end = try server.end()
    #expect(end.last == "interface fm1-gb0 sent 0, host 1, guest1 2, guest2 2", "\(end)")
  }

  @Test func `a guest that goes away leaves the others running`() throws {
    let server = try FolderServer()
    let guest1 = try server.guest(1)
    do {
      let guest2 = try server.guest(2)
      guest1.send(FolderServer.frame(to: 0xff, 60), from: .peer)
      #expect(guest2.take(.peer).count == 1)
    }
    try FileManager.default.removeItem(atPath: "\(server.folder)/guest2.ram")
    try server.awaitLines("lost ", 1)
    guest1.send(FolderServer.frame(to: 0xff, 60), from: .peer)
    let own: [UInt8] = [2, 0, 0, 0, 0, 0x77]
    var request = [UInt8](repeating: 0xff, count: 6) + own + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]
    request += own + [10, 1, 0, 2, 0, 0, 0, 0, 0, 0, 10, 1, 0, 1]
    guest1.send(request + [UInt8](repeating: 0, count: 18), from: .host)
    #expect(guest1.take(.host).count == 1)
    try server.makeMemory(2)
    try server.awaitLines("ready guest2", 2)
    let guest2 = try server.guest(2)
    guest1.send(FolderServer.frame(to: 0xff, 60), from: .peer)
    #expect(guest2.take(.peer).count == 1)
    _ = try server.end()
  }

  @Test(arguments: [
    (["--folder", ".", "--at", "0"], "with --folder there is no"),
    (["--replay", "fm1-gb0=x", "--guest", "guest1"], "--memory FILE is missing"),
    (["--folder", "/nonexistent"], "/nonexistent/guest1.ram: No such file or directory"),
    (["--folder", ".", "--guest", "guest1", "--guest", "guest1"], "one is named twice"),
    (["--folder", ".", "--replay", "fm9=x.pcap"], "no interface fm9"),
  ])
  func `what does not go together is refused`(arguments: [String], message: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      ["attach", FolderServer.plan] + arguments.map { $0 == "." ? directory.path : $0 })
    #expect(outcome.status != 0)
    #expect(outcome.errorText.contains(message), "\(outcome.errorText)")
  }
}
