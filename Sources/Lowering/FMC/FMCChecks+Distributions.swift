import Diagnostics

extension FMCChecks {
  mutating func checkPolicies() {
    for policy in model.policies {
      if policy.order.isEmpty {
        bag.error(
          "fmc-empty-policy", "the policy \(policy.name.value) names no distribution",
          at: policy.name.span)
      }
      checkOrder(of: policy)
    }
  }

  /// A distribution takes every frame that has all of its protocols; one behind it that asks for
  /// the same and more never gets any.
  private mutating func checkOrder(of policy: FMCPolicy) {
    var before: [(name: FMCText, match: Set<String>)] = []
    for name in policy.order {
      guard let distribution = model.distribution(name.value) else { continue }
      let match = Self.implied(distribution.match)
      if let first = before.first(where: { $0.match.isSubset(of: match) }) {
        let all = first.match.isEmpty ? "all frames" : "all of its frames"
        bag.error(
          "fmc-order",
          "the distribution \(name.value) is never reached: \(first.name.value) before it takes "
            + all, at: name.span,
          notes: [Note("\(first.name.value) stands here", at: first.name.span)],
          fixIts: [FixIt("put \(name.value) before \(first.name.value)")])
      }
      // Options narrow a protocol, `ipv4` to fragments for example.
      if distribution.restricted.isEmpty { before.append((name, distribution.match)) }
      if before.count > 64 { return }
    }
  }

  /// A set of protocols with those that come along.
  private static func implied(_ protocols: Set<String>) -> Set<String> {
    protocols.isDisjoint(with: ["ipv4", "ipv6"]) ? protocols : protocols.union(["ip"])
  }

  mutating func checkDistributions() {
    for distribution in model.distributions {
      for proto in distribution.protocols where !proto.value.isEmpty {
        checkProtocol(proto)
      }
      for field in distribution.key { checkField(field) }
      checkKey(of: distribution)
      checkCombines(of: distribution)
    }
  }

  private mutating func checkProtocol(_ proto: FMCText) {
    guard !FMCNames.protocols.contains(proto.value) else { return }
    let near = nearestName(to: proto.value, in: FMCNames.protocols.sorted())
    bag.error(
      "fmc-unknown-protocol",
      "there is no protocol \(proto.value), unless a soft parser's file defines it", at: proto.span,
      fixIts: near.map { [FixIt("did you mean \($0)?", replacing: proto.span, with: $0)] } ?? [])
  }

  mutating func checkField(_ field: FMCField) {
    let name = field.name
    guard !name.value.isEmpty else { return }
    if !FMCNames.fields.contains(name.value) {
      let near = nearestName(to: name.value, in: FMCNames.fields.sorted())
      bag.error(
        "fmc-unknown-field", "there is no field \(name.value)", at: name.span,
        fixIts: near.map { [FixIt("did you mean \($0)?", replacing: name.span, with: $0)] } ?? [])
    }
    if let index = field.index,
      !FMCNames.headerIndexes[name.value, default: []].contains(index.value)
    {
      let allowed = FMCNames.headerIndexes[name.value, default: []].sorted()
      bag.error(
        "fmc-header-index",
        "FMC drops the header index \(index.value) of \(name.value), which may have "
          + (allowed.isEmpty ? "none" : allowed.joined(separator: ", ")), at: index.span)
    }
  }

  private mutating func checkKey(of distribution: FMCDistribution) {
    let name = distribution.name.value
    if distribution.size > 1, !distribution.hasKey {
      bag.error(
        "fmc-no-key",
        "\(name) has \(distribution.size) queues but no key: all frames go to the first",
        at: distribution.count?.span ?? distribution.name.span,
        fixIts: [FixIt("give it a <key> with the fields that tell flows apart")])
    }
    if distribution.isSymmetric {
      let fields = Set(distribution.key.map(\.name.value))
      for field in distribution.key {
        guard let other = Self.otherSide(of: field.name.value), !fields.contains(other) else {
          continue
        }
        bag.error(
          "fmc-symmetric",
          "the symmetric hash of \(name) has \(field.name.value) without \(other)",
          at: field.name.span, fixIts: [FixIt("add \(other) to the key")])
      }
    }
    // fmlib, `include/fmd/Peripherals/fm_pcd_ext.h`: 8 generic extraction registers in a scheme,
    // 56 bytes of key.
    if distribution.nonHeaders.count + distribution.combines.count > 8 {
      bag.error(
        "fmc-extracts",
        "\(name) needs \(distribution.nonHeaders.count + distribution.combines.count) generic "
          + "extractions, but a scheme has 8", at: distribution.name.span)
    }
    let bytes =
      distribution.key.reduce(0) { $0 + (FMCNames.keySizes[$1.name.value] ?? 1) }
      + distribution.nonHeaders.reduce(0) { $0 + min($1.size?.value ?? 0, 1 << 20) }
    if bytes > 56 || distribution.key.count > 35 {
      bag.error(
        "fmc-extracts", "the key of \(name) has \(bytes) bytes, but a scheme hashes 56",
        at: distribution.keySpan)
    }
  }

  private static func otherSide(of field: String) -> String? {
    for (one, other) in [
      ("src", "dst"), ("dst", "src"), ("sport", "dport"), ("dport", "sport"),
    ] where field.hasSuffix(".\(one)") { return field.dropLast(one.count) + other }
    return nil
  }

  private mutating func checkCombines(of distribution: FMCDistribution) {
    for (index, combine) in distribution.combines.enumerated() {
      if index == 4 {
        bag.error(
          "fmc-combine", "\(distribution.name.value) combines more than four bytes",
          at: combine.span)
      }
      if combine.sources != 1 {
        bag.error(
          "fmc-combine",
          "a combine takes its byte from one of portid, frame, parser and fieldref",
          at: combine.span)
      }
      if let offset = combine.offset, offset.value > 31 {
        bag.error(
          "fmc-combine", "the offset \(offset.value) is not from 0 to 31", at: offset.span)
      }
      if let offset = combine.extractOffset, offset.value % 8 != 0 {
        bag.error(
          "fmc-combine", "extract_offset is in bits, and \(offset.value) is no multiple of 8",
          at: offset.span)
      }
      if let field = combine.field {
        checkField(FMCField(name: field, index: nil, offset: nil, size: nil))
      }
    }
  }
}
