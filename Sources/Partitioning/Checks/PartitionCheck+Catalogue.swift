import Diagnostics

extension PartitionCheck {
  /// Every check, each behind its prerequisites.
  public static let catalogue: [PartitionCheck] = [
    hostMissing, nameClash, unknownInterface, unknownPartition, otherwiseMissing,
    emptyClaim, cpuRange, cpuOverlap, cpusExhausted,
    memorySize, memoryExhausted,
    portalRange, portalOverlap, portalsExhausted,
    queueRange, queueOverlap, queuesExhausted, queueShortage,
    poolRange, poolOverlap, poolsExhausted, poolMissing, poolSize, poolMemory,
    ruleEmpty, ruleImpossible, ruleUnreachable,
    linkSelf, linkRepeated, offlinePortsExhausted, storageProfilesExhausted,
    ringSize, sourcePath, sourceSize, partitionIdle,
    unknownPolicer, unknownCongestionGroup, ruleDisagreement, deliveryUnavailable,
  ]

  /// Runs the catalogue; a check whose prerequisite has failed is not run.
  static func runAll(on context: PlanContext, into bag: inout DiagnosticBag) {
    var failed: Set<DiagnosticCode> = []
    for check in catalogue {
      // A check that could not be judged stands in the way of its own dependants too.
      if !failed.isDisjoint(with: check.prerequisites) || !check.run(on: context, into: &bag) {
        failed.insert(check.code)
      }
    }
  }
}
