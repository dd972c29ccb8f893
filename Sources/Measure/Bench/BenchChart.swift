import Glibc

/// The figures as a picture: a bar for each contestant, on a logarithmic scale, one group of bars for each way
/// and length of frames.
struct BenchChart {
  /// Who stands beside each other: the same frames on the same processors.
  private let groups: [(title: String, bars: [(title: String, rate: Double, color: String)])]
  private let host: String

  private static let width = 760
  private static let left = 260
  private static let bar = 14
  /// The scale's ends: a thousand frames in a second, and a hundred million.
  private static let decades = (first: 3, last: 8)

  init(_ results: [BenchResult], host: String) {
    self.host = host
    var order: [String] = []
    var bars: [String: [(title: String, rate: Double, color: String)]] = [:]
    for result in results where !result.what.flow.isTimed {
      let what = result.what
      let title = "\(what.flow.title), \(what.size), \(what.processors) CPU"
      if bars[title] == nil { order.append(title) }
      bars[title, default: []].append(
        (what.contestant.title, result.rate, Self.color(of: what.contestant)))
    }
    groups = order.map { ($0, bars[$0] ?? []) }
  }

  /// The picture, as SVG.
  var svg: String {
    var body = ""
    var y = 40
    let bottom = 40 + groups.reduce(0) { $0 + 26 + $1.bars.count * (Self.bar + 3) }
    for decade in Self.decades.first...Self.decades.last {
      let x = place(of: decade)
      body += line(x, 34, bottom)
      body += text(x, 28, Self.names[decade - Self.decades.first], anchor: "middle")
    }
    for group in groups {
      body += text(8, y + 14, group.title, weight: "bold")
      y += 20
      for bar in group.bars {
        let end = place(of: bar.rate)
        body += text(Self.left - 8, y + Self.bar - 3, bar.title, anchor: "end")
        body +=
          "<rect x=\"\(Self.left)\" y=\"\(y)\" width=\"\(max(1, end - Self.left))\" "
          + "height=\"\(Self.bar)\" fill=\"\(bar.color)\"/>\n"
        body += text(end + 4, y + Self.bar - 3, "\(BenchReport.short(bar.rate / 1000)) K")
        y += Self.bar + 3
      }
      y += 6
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.width)" height="\(bottom + 10)" \
      font-family="sans-serif" font-size="11">
      <rect width="100%" height="100%" fill="white"/>
      \(text(8, 14, "Frames in a second, \(host)", weight: "bold"))\(body)</svg>

      """
  }

  private static let names = ["1 K", "10 K", "100 K", "1 M", "10 M", "100 M"]

  private static func color(of contestant: Contestant) -> String {
    switch contestant {
    case .process: "#1f6f8b"
    case .processInterrupt: "#6fb1c4"
    case .machine: "#2f8f5b"
    case .machineInterrupt: "#8cc4a4"
    case .library: "#8a8a8a"
    case .bridge: "#b0a58f"
    case .virtioBridge: "#c2703d"
    case .virtioKernel: "#d9a441"
    case .virtioVhost: "#8e5572"
    }
  }

  private func place(of decade: Int) -> Int {
    let share = Double(decade - Self.decades.first) / Double(Self.decades.last - Self.decades.first)
    return Self.left + Int(share * Double(Self.width - Self.left - 70))
  }

  private func place(of rate: Double) -> Int {
    let (low, high) = (Double(place(of: Self.decades.first)), Double(place(of: Self.decades.last)))
    let share =
      (log10(max(rate, 1)) - Double(Self.decades.first))
      / Double(Self.decades.last - Self.decades.first)
    return Int(low + min(max(share, 0), 1) * (high - low))
  }

  private func line(_ x: Int, _ top: Int, _ bottom: Int) -> String {
    "<line x1=\"\(x)\" y1=\"\(top)\" x2=\"\(x)\" y2=\"\(bottom)\" stroke=\"#ddd\"/>\n"
  }

  private func text(
    _ x: Int, _ y: Int, _ words: String, anchor: String = "start", weight: String = "normal"
  ) -> String {
    "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\">"
      + "\(Self.escaped(words))</text>\n"
  }

  /// Words as HTML and SVG have them.
  static func escaped(_ words: String) -> String {
    var safe = ""
    for character in words {
      switch character {
      case "&": safe += "&amp;"
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      default: safe.append(character)
      }
    }
    return safe
  }
}
