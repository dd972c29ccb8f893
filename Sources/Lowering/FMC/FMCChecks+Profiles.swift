import Diagnostics
import QorIQ

extension FMCChecks {
  /// All profiles, defined or used in place.
  private var allProfiles: [FMCProfile] {
    model.profiles + model.distributions.compactMap(\.profile)
      + model.classifications.flatMap { $0.entries.compactMap(\.profile) }
      + model.classifications.compactMap(\.profile)
      + model.replicators.flatMap { $0.entries.compactMap(\.profile) }
  }

  mutating func checkProfiles() {
    // fmlib, `include/fmd/integrations`: 64 on FMan v3H and 32 on v3L.
    let limit = board?.fmans.map(\.storageProfileCount).max().flatMap { $0 > 0 ? $0 : nil } ?? 64
    for profile in allProfiles {
      // A reference has a name and nothing else.
      if let name = profile.name, profile.base == nil, profile.count == nil {
        resolve(.vsp, name, from: "<vsp>")
      }
      if let base = profile.base, base.value >= limit {
        bag.error(
          "fmc-profile-number",
          "the storage profile \(base.value) is not one of the \(limit) that there are",
          at: base.span)
      }
      if let count = profile.count {
        let size = count.value
        if size < 1 || size & (size - 1) != 0 {
          bag.error(
            "fmc-profile-count", "\(size) storage profiles are no power of two", at: count.span)
        } else if (profile.offset?.value ?? 0) + size > limit {
          bag.error(
            "fmc-profile-number",
            "the storage profiles from \(profile.offset?.value ?? 0) on are more than the "
              + "\(limit) that there are", at: count.span)
        }
      }
    }
    var numbers: [Int: FMCText] = [:]
    for profile in model.profiles where profile.isDirect {
      guard let base = profile.base, let name = profile.name else { continue }
      if let first = numbers[base.value], first.value != name.value {
        bag.error(
          "fmc-profile-twice",
          "the storage profiles \(first.value) and \(name.value) are both number \(base.value), so "
            + "their frames go to the same pools", at: base.span,
          notes: [Note("\(first.value) is defined here", at: first.span)])
      } else {
        numbers[base.value] = name
      }
    }
    checkWindow(numbers)
    checkVersion()
  }

  /// FMC asks the driver for as many profiles as a port uses, and the driver takes a power of two
  /// only (fmlib, `t_FmPortVSPAllocParams`).
  private mutating func checkWindow(_ numbers: [Int: FMCText]) {
    guard let first = model.profiles.first(where: \.allocates), !numbers.isEmpty else { return }
    let count = numbers.count
    guard count & (count - 1) != 0 || (numbers.keys.max() ?? 0) >= count else { return }
    bag.error(
      "fmc-profile-count",
      "FMC asks for \(count) storage profiles, but the driver takes a power of two, numbered from 0 "
        + "without a hole", at: first.span)
  }

  /// FMC compiled for FMan v2 takes storage profiles, replicators and `rmon` and drops them.
  private mutating func checkVersion() {
    guard let board, !board.fmans.contains(where: \.hasStorageProfiles) else { return }
    func dropped(_ what: String, at span: SourceSpan) {
      bag.error(
        "fmc-fman-v2", "\(board.name) has FMan v2, for which FMC drops \(what) in silence", at: span
      )
    }
    for profile in allProfiles { dropped("storage profiles", at: profile.span) }
    for replicator in model.replicators { dropped("replicators", at: replicator.name.span) }
    for node in model.classifications where node.statistics == "rmon" {
      dropped("frame-length statistics", at: node.name.span)
    }
  }

  mutating func checkReassemblies() {
    for item in model.reassemblies {
      func check(_ name: String, _ allowed: String, _ holds: (Int) -> Bool) {
        guard let number = item.numbers[name], !holds(number.value) else { return }
        bag.error(
          "fmc-reassembly",
          "\(name) of \(item.name.value) is \(number.value), but must be \(allowed)",
          at: number.span)
      }
      check("maxInProcess", "a power of two") { $0 > 0 && $0 & ($0 - 1) == 0 }
      check("numOfFramesPerHashEntry", "from 1 to 8") { (1...8).contains($0) }
      check("numOfFramesPerHashEntry1", "from 1 to 8") { (1...8).contains($0) }
      check("numOfFramesPerHashEntry2", "from 1 to 6") { (1...6).contains($0) }
      check("ipv6minFragSize", "at least 256") { $0 >= 256 }
      check("sgBpid", "from 0 to 63") { (0...63).contains($0) }
    }
  }

  /// `source/fmc.h` of nxp-qoriq/fmc, and fmlib for the hardware.
  mutating func checkLimits() {
    for engine in model.engines where engine.ports.count > 16 {
      bag.error(
        "fmc-limit", "\(engine.name.value) has \(engine.ports.count) ports, but FMC holds 16",
        at: engine.ports[16].span)
    }
    let counts: [(Int, Int, String, SourceSpan?)] = [
      (model.policers.count, 64, "policers", model.policers.dropFirst(64).first?.name.span),
      (
        model.classifications.count, 512, "classifications",
        model.classifications.dropFirst(512).first?.name.span
      ),
      (
        model.replicators.count, 16, "replicators", model.replicators.dropFirst(16).first?.name.span
      ),
      (model.headers.count, 512, "header manipulations", model.headers.dropFirst(512).first?.span),
      (
        model.fragmentations.count + model.reassemblies.count, 64,
        "fragmentations and reassemblies", model.fragmentations.dropFirst(64).first?.span
      ),
    ]
    for (count, limit, what, span) in counts where count > limit {
      bag.error("fmc-limit", "there are \(count) \(what), but FMC holds \(limit)", at: span)
    }
    for replicator in model.replicators where replicator.entries.count > 64 {
      bag.error(
        "fmc-limit",
        "\(replicator.name.value) makes \(replicator.entries.count) copies, but 64 are possible",
        at: replicator.entries[64].span)
    }
    let schemes = FMCSchemes(model).count
    if schemes > 32 {
      let number = schemes > FMCSchemes.limit ? "more than \(FMCSchemes.limit)" : "\(schemes)"
      bag.error(
        "fmc-limit",
        "the model needs \(number) KeyGen schemes, but FMC holds 32 for both engines together",
        at: model.engines.first?.name.span,
        fixIts: [
          FixIt("share target distributions (shared=\"yes\"), or compile one engine at a time")
        ])
    }
  }
}

/// The KeyGen schemes that FMC makes of a model.
struct FMCSchemes {
  /// How many, as far as they were counted.
  let count: Int
  /// Of more than so many no others are counted: a file may have as many for each port as it has elements.
  static let limit = 4096

  /// One for each distribution in a port's policy, and one for each that an action of it leads to:
  /// for every port, or for every engine when it is shared.
  init(_ model: FMCModel) {
    let policers = Dictionary(
      model.policers.map { ($0.name.value, $0.actions) }, uniquingKeysWith: { $1 })
    let replicators = Dictionary(
      model.replicators.map { ($0.name.value, $0.entries.map(\.action)) },
      uniquingKeysWith: { $1 })
    var schemes: Set<[String]> = []
    // FMC knows two engines, and of two with one name the last.
    let engines = ["fm0", "fm1"].compactMap { name in
      model.engines.last { $0.name.value == name }
    }
    for engine in engines {
      // Ports beyond the sixteen that FMC holds have been refused.
      for port in engine.ports.prefix(32) where schemes.count <= Self.limit {
        guard let policy = model.policy(port.policy.value) else { continue }
        let place = "\(port.type.value)/\(port.number?.value ?? 0)"
        func add(_ distribution: FMCDistribution, _ kind: String) {
          schemes.insert([
            engine.name.value, distribution.isShared ? "" : place, distribution.name.value, kind,
          ])
        }
        var reached: Set<String> = []
        var waiting: [(FMCKind, String)] = []
        for name in policy.order {
          guard let distribution = model.distribution(name.value) else { continue }
          add(distribution, "")
          if let action = distribution.action, let kind = action.targetKind {
            waiting.append((kind, action.name?.value ?? ""))
          }
        }
        while let (kind, name) = waiting.popLast() {
          guard reached.insert("\(kind.rawValue)/\(name)").inserted else { continue }
          var actions: [FMCAction?] = []
          switch kind {
          case .distribution:
            guard let distribution = model.distribution(name) else { continue }
            add(distribution, "direct")
            actions = [distribution.action]
          case .classification:
            guard let node = model.classification(name) else { continue }
            actions = node.entries.map(\.action) + [node.onMiss] + node.mayUse
          case .policer:
            actions = policers[name] ?? []
          case .replicator:
            actions = replicators[name] ?? []
          default: continue
          }
          for action in actions.compactMap({ $0 }) {
            if let kind = action.targetKind { waiting.append((kind, action.name?.value ?? "")) }
          }
        }
      }
    }
    count = schemes.count
  }
}
