import BenchmarkTools
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// Lengths of packets, and how much of the library's own speed SEC is to have with each, and of what `openssl
  /// speed` prints.
  static let securityAims = [
    (length: 64, ofLibrary: 0.6, ofOpenSSL: 3.0), (length: 512, ofLibrary: 0.9, ofOpenSSL: 1.0),
    (length: 1500, ofLibrary: 0.9, ofOpenSSL: 1.0),
  ]
  /// How much less two guests may have together than one alone, and a guest beside a hostile one.
  static let sharingLoss = 0.03
  static let neighbourLoss = 0.05

  /// AES-128-GCM through a guest's queues beside the library that does it, and guests beside each other.
  mutating func measureSecurity() throws {
    guard isWanted("security") || isWanted("security neighbours") else { return }
    guard let library = SecurityKernel.library else {
      return broken.append("this host has no library for SEC")
    }
    if filter != "security neighbours" {
      try compareSecurity(library)
      try shareSecurity()
    }
    try disturbSecurity()
  }

  private mutating func compareSecurity(_ library: String) throws {
    var table = TextTable([
      ("AES-128-GCM, ns per packet", .left), ("ESP by SEC", .right), ("library", .right),
      ("of library", .right), ("aim", .right), ("queues and copy", .right),
      ("openssl speed", .right),
      ("of openssl", .right), ("promised", .right), ("runs", .right), ("verdict", .left),
    ])
    for (length, ofLibrary, ofOpenSSL) in Self.securityAims {
      let ours = Box(try SecurityKernel(length: length))
      guard let kernel = SecurityLibraryKernel(length: length) else { return }
      let theirs = Box(kernel)
      // What the same packets take from guest to guest, without SEC.
      let path = Box(try Kernels(ring: 64, buffers: 512, inFlight: 32, length: length))
      var results: [Contest.Result] = []
      var openssl: [Double] = []
      for _ in 0..<2 {
        let contest = Contest(
          name: "", ours: { ours.value.run($0) }, theirs: { theirs.value.run($0) })
        results.append(contest.run())
        if let time = Self.opensslSpeed(length) { openssl.append(time) }
      }
      let way = Contest(name: "", ours: { path.value.path($0) }, theirs: { theirs.value.run($0) })
      let plain = way.run().ours
      let (mine, other) = (
        results.map(\.ours).reduce(0, +) / 2, results.map(\.theirs).reduce(0, +) / 2
      )
      let speed = openssl.isEmpty ? 0 : openssl.reduce(0, +) / Double(openssl.count)
      if openssl.isEmpty { broken.append("openssl speed gave no figure for \(length) B") }
      let isKept = other / mine >= ofLibrary
      let isQuick = speed / mine >= ofOpenSSL
      if !isKept {
        broken.append(
          "SEC has \(Self.two(other / mine)) of its library's speed at \(length) B, not \(ofLibrary)"
        )
      }
      if !isQuick {
        broken.append(
          "SEC has \(Self.two(speed / mine)) of openssl speed at \(length) B, not \(ofOpenSSL)")
      }
      table.add([
        "\(length) B", Self.two(mine), Self.two(other), Self.two(other / mine),
        Self.two(ofLibrary), Self.two(plain), Self.two(speed), Self.two(speed / mine),
        Self.two(ofOpenSSL),
        "\(results.map(\.undisturbed).reduce(0, +))/\(2 * Contest.runs)",
        isKept ? (isQuick ? "kept" : "below openssl") : isQuick ? "below the aim" : "not kept",
      ])
    }
    print("library: \(library)")
    print(table.text)
    fflush(nil)
  }

  /// Nanoseconds per block of what `openssl speed` says of AES-128-GCM; `nil` without it.
  private static func opensslSpeed(_ length: Int) -> Double? {
    let command =
      "openssl speed -mr -seconds 1 -bytes \(length) -evp aes-128-gcm 2>/dev/null"
    guard let pipe = popen(command, "r") else { return nil }
    defer { pclose(pipe) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), pipe) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // "+F:22:AES-128-GCM:BYTES", in bytes per second.
      guard text.hasPrefix("+F:"),
        let bytes = text.dropLast().split(separator: ":").last.flatMap({ Double($0) }), bytes > 0
      else { continue }
      return Double(length) * 1e9 / bytes
    }
    return nil
  }

  private mutating func shareSecurity() throws {
    var table = TextTable([
      ("SEC, ns per packet", .left), ("two guests", .right), ("one alone", .right),
      ("ratio", .right), ("promised", .right), ("verdict", .left),
    ])
    for length in [64, 1500] {
      let both = Box(try SecurityKernel(length: length, inFlight: 32, .peer))
      let alone = Box(try SecurityKernel(length: length, inFlight: 32))
      let result = Contest(
        name: "", ours: { both.value.run($0) }, theirs: { alone.value.run($0) }
      ).run()
      let isKept = result.ratio <= 1 + Self.sharingLoss
      if !isKept {
        broken.append("two guests have \(Self.two(1 / result.ratio)) of one alone at \(length) B")
      }
      table.add([
        "\(length) B", Self.two(result.ours), Self.two(result.theirs), Self.two(result.ratio),
        Self.two(1 + Self.sharingLoss), isKept ? "kept" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }

  /// A guest that sends at a pace, beside neighbours of every kind.
  private mutating func disturbSecurity() throws {
    var table = TextTable([
      ("a guest's packets of 512 B in a ms, beside", .left), ("answered", .right),
      ("of those alone", .right), ("promised", .right), ("verdict", .left),
    ])
    var answered = [SecurityKernel.Neighbour: [Double]]()
    let kernels = try SecurityKernel.Neighbour.allCases.map {
      ($0, Box(try SecurityKernel(length: 512, inFlight: 0, $0)))
    }
    // The first turn touches everything and is not counted.
    for turn in 0...5 {
      for (neighbour, kernel) in kernels {
        let count = kernel.value.paced(nanoseconds: 50_000_000, perMillisecond: 100)
        if turn > 0 { answered[neighbour, default: []].append(Double(count) / 50) }
      }
    }
    let alone = Self.median(answered[.idle] ?? [])
    for neighbour in SecurityKernel.Neighbour.allCases {
      let count = Self.median(answered[neighbour] ?? [])
      let share = alone > 0 ? count / alone : 0
      let isKept = share >= 1 - Self.neighbourLoss
      if !isKept { broken.append("beside \(neighbour.rawValue) a guest has \(Self.two(share))") }
      table.add([
        neighbour.rawValue, Self.two(count), Self.two(share), Self.two(1 - Self.neighbourLoss),
        isKept ? "kept" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }
}
