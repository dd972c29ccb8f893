/// A plan that breaks one rule: two sound partitions on a P4080DS, with the mistake put in.
///
/// `dpaac explain` shows it, and the fixture of its code is the same text.
package struct PlanExample: Sendable {
  /// Keys of a partition in place of the sound ones or beside them; an empty value takes a key out.
  package typealias Keys = KeyValuePairs<String, String>

  private static let host: Keys = [
    "cpus": "0-3", "memory": "1 GiB", "portals": "4", "queues": "256-511",
    "pools": "[ {buffers: 256, size: 2 KiB} ]",
  ]
  private static let guest: Keys = [
    "cpus": "4-5", "memory": "512 MiB", "portals": "2", "queues": "512-767",
    "pools": "[ {buffers: 256, size: 2 KiB} ]",
  ]

  /// Puts the text together: a check has hundreds of neighbours whose examples nobody asks for.
  private let write: @Sendable () -> String

  /// The plan's text.
  package var text: String { write() }

  /// Creates an example from the sound plan.
  ///
  /// - Parameters:
  ///   - board: The board.
  ///   - host: Keys of the host.
  ///   - guest: Keys of guest1.
  ///   - others: Further partitions with all their keys.
  ///   - rules: Rules of an interface that the two share.
  ///   - interface: The interface's name.
  ///   - otherwise: Who gets the rest.
  ///   - keys: More of the interface's keys.
  ///   - links: The links; `nil` for none.
  ///   - more: Lines at the top level, before the partitions.
  package init(
    board: String = "p4080ds", host: Keys = [:], guest: Keys = [:],
    others: KeyValuePairs<String, Keys> = [:], rules: [String] = [], interface: String = "fm1-10g0",
    otherwise: String? = "host", keys: Keys = [:], links: String? = "[ [host, guest1] ]",
    more: [String] = []
  ) {
    write = {
      var lines = ["board: \(board)"] + more + ["partitions:"]
      let partitions =
        [("host", Self.merge(Self.host, host)), ("guest1", Self.merge(Self.guest, guest))]
        + others.map { ($0.key, Self.merge([:], $0.value)) }
      for (name, keys) in partitions {
        lines.append("  \(name):")
        lines += keys.map { "    \($0): \($1)" }
      }
      if !rules.isEmpty || !keys.isEmpty || interface != "fm1-10g0" || otherwise != "host" {
        lines += ["interfaces:", "  \(interface):"]
        lines += keys.map { "    \($0.key): \($0.value)" }
        if !rules.isEmpty { lines.append("    rules:") }
        lines += rules.map { "      - \($0)" }
        if let otherwise { lines.append("    otherwise: \(otherwise)") }
      }
      if let links { lines.append("links: \(links)") }
      return lines.joined(separator: "\n") + "\n"
    }
  }

  /// The sound keys in their order with new values, then the new keys.
  private static func merge(_ base: Keys, _ changes: Keys) -> [(String, String)] {
    let changed = Dictionary(changes.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    let known = Set(base.map(\.key))
    return
      (base.map { ($0.key, changed[$0.key] ?? $0.value) }
      + changes.filter { !known.contains($0.key) }.map { ($0.key, $0.value) })
      .filter { !$0.1.isEmpty }
  }
}

extension PlanExample {
  /// An example that was put together elsewhere.
  init(text: @autoclosure @escaping @Sendable () -> String) { write = text }
}

extension PlanExample: ExpressibleByStringLiteral {
  /// An example that is written out.
  package init(stringLiteral value: String) { write = { value } }
}
