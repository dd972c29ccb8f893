/// Names of a plan as Swift identifiers of one scope: always different, never a keyword.
struct SwiftNames {
  private var taken: Set<String>

  init(taken: Set<String> = []) { self.taken = taken.union(Self.reserved) }

  /// An identifier for a name of letters, digits, `-` and `_`: `fm1_10g0` for `fm1-10g0`.
  mutating func identifier(for name: String) -> String {
    var base = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    if base.first?.isNumber != false { base = "_" + base }
    var identifier = base
    var number = 1
    while !taken.insert(identifier).inserted {
      number += 1
      identifier = number == 2 ? "\(base)_" : "\(base)_\(number)"
    }
    return identifier
  }

  /// Keywords (The Swift Programming Language, "Lexical Structure"), and the types and
  /// files of generated sources.
  private static let reserved: Set<String> = [
    "associatedtype", "borrowing", "class", "consuming", "deinit", "enum", "extension",
    "fileprivate", "func", "import", "init", "inout", "internal", "let", "nonisolated", "open",
    "operator", "precedencegroup", "private", "protocol", "public", "rethrows", "static", "struct",
    "subscript", "typealias", "var", "break", "case", "catch", "continue", "default", "defer", "do",
    "else", "fallthrough", "for", "guard", "if", "in", "repeat", "return", "switch", "throw",
    "where", "while", "Any", "as", "await", "false", "is", "nil", "self", "Self", "super", "throws",
    "true", "try", "Type", "Protocol", "_",
    "AddressRange", "CPUIndex", "ChannelID", "Configuration", "DPAARuntime", "FQID", "FlowRule",
    "GuestProgram", "IPv4Prefix", "IPv6Prefix", "Link", "OfflinePort", "Owner", "OwnerPath",
    "Partitioning", "PoolAssignment", "PortalIndex", "QorIQ", "QueueRange", "RingSizes",
    "RuntimeConfiguration", "SharedInterface", "Swift", "configuration", "main", "pools", "queues",
  ]
}
