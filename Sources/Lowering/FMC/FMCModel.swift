import Diagnostics
import Documents

/// A name or word in one of FMC's files.
struct FMCText: Sendable, Hashable {
  var value: String
  var span: SourceSpan
}

/// A number in one of FMC's files, as FMC reads it.
struct FMCInteger: Sendable, Hashable {
  var value: Int
  var span: SourceSpan
}

/// The kinds of things that have names.
enum FMCKind: String, Sendable, Hashable, CaseIterable {
  case policy
  case distribution
  case classification
  case replicator
  case policer
  case vsp
  case header
  case fragmentation
  case reassembly

  /// What it is called in messages.
  var title: String { self == .vsp ? "storage profile" : rawValue }
}

/// Something that leads on to something else.
struct FMCAction: Sendable, Hashable {
  /// The type; empty to enqueue.
  var type: String
  var name: FMCText?
  var condition: FMCText?
  /// Whether it counts.
  var statistics: Bool
  var span: SourceSpan

  /// The kind of what it leads to.
  var targetKind: FMCKind? {
    switch type {
    case "distribution": .distribution
    case "classification", "hashtable": .classification
    case "policer": .policer
    case "replicator": .replicator
    default: nil
    }
  }
}

struct FMCPort: Sendable, Hashable {
  var type: FMCText
  var number: FMCInteger?
  var policy: FMCText
  var span: SourceSpan
}

struct FMCEngine: Sendable, Hashable {
  var name: FMCText
  var ports: [FMCPort]
}

struct FMCPolicy: Sendable, Hashable {
  var name: FMCText
  var order: [FMCText]
  var reassembly: FMCText?
}

struct FMCField: Sendable, Hashable {
  var name: FMCText
  var index: FMCText?
  var offset: FMCInteger?
  var size: FMCInteger?
}

/// A storage profile, defined or referred to.
struct FMCProfile: Sendable, Hashable {
  var name: FMCText?
  var isDirect: Bool
  var base: FMCInteger?
  var offset: FMCInteger?
  var count: FMCInteger?
  var allocates: Bool
  var span: SourceSpan
}

struct FMCCombine: Sendable, Hashable {
  var offset: FMCInteger?
  var extractOffset: FMCInteger?
  var field: FMCText?
  var sources: Int
  var span: SourceSpan
}

struct FMCDistribution: Sendable, Hashable {
  var name: FMCText
  var base: FMCInteger?
  var count: FMCInteger?
  var queueSpan: SourceSpan?
  var protocols: [FMCText]
  /// The protocols that come with options, of which a frame must have the right ones.
  var restricted: Set<String>
  var key: [FMCField]
  var nonHeaders: [FMCNonHeader]
  var isSymmetric: Bool
  var keySpan: SourceSpan?
  var shift: FMCInteger?
  var combines: [FMCCombine]
  var action: FMCAction?
  var profile: FMCProfile?
  var isShared: Bool

  /// How many queues FMC makes of it.
  var size: Int { max(count?.value ?? 1, 1) }
  /// Whether it hashes.
  var hasKey: Bool { !key.isEmpty || !nonHeaders.isEmpty }
  /// The protocols that a frame must have.
  var match: Set<String> {
    Set(protocols.map(\.value) + key.map { FMCNames.proto(of: $0.name.value) })
  }
}

struct FMCNonHeader: Sendable, Hashable {
  var source: String
  var action: FMCText?
  var offset: FMCInteger?
  var size: FMCInteger?
  var indexMask: FMCInteger?
  var span: SourceSpan
}

struct FMCHashTable: Sendable, Hashable {
  var mask: FMCInteger?
  var keySize: FMCInteger?
  var span: SourceSpan
}

struct FMCEntry: Sendable {
  var data: FMCText?
  var mask: FMCText?
  var queue: FMCInteger?
  var action: FMCAction?
  var profile: FMCProfile?
  var references: [(kind: FMCKind, name: FMCText)]
  var span: SourceSpan
}

struct FMCClassification: Sendable {
  var name: FMCText
  var max: FMCInteger?
  var hasMasks: Bool
  var statistics: String?
  var fields: [FMCField]
  var nonHeaders: [FMCNonHeader]
  var hashTables: [FMCHashTable]
  var keySpan: SourceSpan?
  var entries: [FMCEntry]
  var onMiss: FMCAction?
  var missQueue: FMCInteger?
  var profile: FMCProfile?
  var mayUse: [FMCAction]

  /// The bytes of its key, where they are certain.
  var keySize: Int? {
    if let table = hashTables.first { return table.keySize?.value }
    if let source = nonHeaders.first { return source.size?.value }
    if fields.count == 1, let size = fields[0].size, size.value > 0 { return size.value }
    var bytes = 0
    for field in fields {
      guard let size = FMCNames.keySizes[field.name.value] else { return nil }
      bytes += size
    }
    return bytes
  }
}

struct FMCReplicator: Sendable {
  var name: FMCText
  var entries: [FMCEntry]
  var mayUse: [FMCAction]
}

struct FMCPolicer: Sendable, Hashable {
  var name: FMCText
  /// What its elements say, blanks stripped.
  var texts: [String: String]
  var actions: [FMCAction]
}

struct FMCReassembly: Sendable, Hashable {
  var name: FMCText
  var numbers: [String: FMCInteger]
}

/// A configuration and a policy file, as far as they could be read.
struct FMCModel: Sendable {
  var engines: [FMCEngine] = []
  var policies: [FMCPolicy] = []
  var distributions: [FMCDistribution] = []
  var classifications: [FMCClassification] = []
  var replicators: [FMCReplicator] = []
  var policers: [FMCPolicer] = []
  var profiles: [FMCProfile] = []
  var headers: [FMCText] = []
  var nextHeaders: [FMCText] = []
  var fragmentations: [FMCText] = []
  var reassemblies: [FMCReassembly] = []

  /// Every name that is given, in order of kind and place.
  var names: [(kind: FMCKind, name: FMCText)] {
    policies.map { (.policy, $0.name) } + distributions.map { (.distribution, $0.name) }
      + classifications.map { (.classification, $0.name) }
      + replicators.map { (.replicator, $0.name) } + policers.map { (.policer, $0.name) }
      + profiles.compactMap { profile in profile.name.map { (.vsp, $0) } }
      + headers.map { (.header, $0) } + fragmentations.map { (.fragmentation, $0) }
      + reassemblies.map { (.reassembly, $0.name) }
  }

  /// The definitions by name; of several with one name FMC keeps the last.
  private(set) var index = Index()

  /// Definitions by name.
  struct Index: Sendable {
    var policies: [String: FMCPolicy] = [:]
    var distributions: [String: FMCDistribution] = [:]
    var classifications: [String: FMCClassification] = [:]
    var profiles: [String: FMCProfile] = [:]
    var policers: [String: FMCPolicer] = [:]
  }

  /// Fills ``index`` from what has been read.
  mutating func makeIndex() {
    for item in policies { index.policies[item.name.value] = item }
    for item in distributions { index.distributions[item.name.value] = item }
    for item in classifications { index.classifications[item.name.value] = item }
    for item in policers { index.policers[item.name.value] = item }
    for item in profiles { item.name.map { index.profiles[$0.value] = item } }
  }

  func policy(_ name: String) -> FMCPolicy? { index.policies[name] }
  func distribution(_ name: String) -> FMCDistribution? { index.distributions[name] }
  func classification(_ name: String) -> FMCClassification? { index.classifications[name] }

  /// The profile that a reference stands for: itself when it has no name.
  func profile(_ reference: FMCProfile?) -> FMCProfile? {
    guard let name = reference?.name else { return reference }
    return index.profiles[name.value]
  }
}
