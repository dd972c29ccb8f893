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

  /// Keywords (The Swift Programming Language, "Lexical Structure"), and what the templates and
  /// `swiftLiteral` name: types, files, modules and functions. A partition of such a name would stand
  /// in its place.
  private static let reserved: Set<String> = [
    "associatedtype", "borrowing", "class", "consuming", "deinit", "enum", "extension",
    "fileprivate", "func", "import", "init", "inout", "internal", "let", "nonisolated", "open",
    "operator", "precedencegroup", "private", "protocol", "public", "rethrows", "static", "struct",
    "subscript", "typealias", "var", "break", "case", "catch", "continue", "default", "defer", "do",
    "else", "fallthrough", "for", "guard", "if", "in", "repeat", "return", "switch", "throw",
    "where", "while", "Any", "as", "await", "false", "is", "nil", "self", "Self", "super", "throws",
    "true", "try", "Type", "Protocol", "_",
    "AcceleratorUse", "AddressRange", "CPUIndex", "ChannelID", "Configuration", "CongestionGroup",
    "DPAARuntime", "DeviceChain", "EthernetHeader", "FQID", "FlowRule", "FrameBytes", "Glibc",
    "GuestProgram", "HashKey", "HostProgram", "IPv4Prefix", "IPv6Prefix", "Link", "MaskedField",
    "OfflinePort", "Owner", "OwnerPath", "Partitioning", "PathQuality", "PolicerProfile",
    "PolicerWish", "PoolAssignment", "PoolThresholds", "PortSettings", "PortalIndex", "QorIQ",
    "QueueRange", "RingSizes", "RoleQueues", "RuntimeConfiguration", "ScanPattern",
    "ScanPatternSet", "SharedInterface", "String", "Swift", "UInt8", "configuration", "fatalError",
    "main", "pools", "queues", "realpath",
  ]
}
