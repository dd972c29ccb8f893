import Diagnostics

extension PartitionCheck {
  /// Every check, each behind its prerequisites.
  public static let catalogue = [
    basicChecks, memoryNeedChecks, imageChecks, reservationNeedChecks, cpuNeedChecks,
    machineChecks,
    mainlineChecks, windowReachChecks, windowTargetChecks, liodnCollisionChecks, acceleratorChecks,
    patternChecks, chainChecks, chainUseChecks, scanChecks, tunnelChecks,
    interfaceUseChecks, ruleValueChecks, ruleReachChecks, policerRateChecks, congestionUseChecks,
    poolUseChecks, workQueueChecks, replicationChecks,
  ].flatMap(\.self)

  private static let basicChecks = [
    hostMissing, nameClash, unknownInterface, unknownPartition, otherwiseMissing, emptyClaim,
    cpuRange, cpuOverlap, cpusExhausted, memorySize, memoryExhausted, portalRange, portalOverlap,
    portalsExhausted, queueRange, queueOverlap, queuesExhausted, spreadCount, spreadBlock,
    queueShortage, poolRange, poolOverlap, poolsExhausted, poolMissing, poolSize, poolMemory,
    ruleEmpty, ruleImpossible, ruleUnreachable, linkSelf, linkRepeated, offlinePortsExhausted,
    storageProfilesExhausted, ringSize, sourcePath, forwardWay, forwardVia, sourceSize,
    partitionIdle, unknownPolicer,
    unknownCongestionGroup, ruleDisagreement, deliveryUnavailable, cpuReserved, portalReserved,
    poolReserved, poolChannelReserved, congestionGroupReserved, liodnReserved, queueReserved,
    roleForeign, roleOutside, roleOverlap, roleCount, transmitShort, receiveShort, roleIdle,
    responseMissing, responseCount, pairCount, poolChannelRange, poolChannelOverlap,
    poolChannelSingle, poolChannelsMany, strictReceive, confirmLate, congestionGroupRange,
    congestionGroupOverlap, congestionGroupsExhausted, congestionGroupIdle, congestionGroupUnused,
    tailDropZero, tailDropRange, tailDropUnreached, earlyDropBackwards, earlyDropPercent,
    earlyDropLate, earlyDropOrder, earlyDropColourless, unknownNotified, poolOverseeded,
    poolUnseeded, poolThresholdOrder, poolThresholdRange, poolThresholdHardware,
    poolAddressOverlap, poolAddressAligned, poolSharerUnknown, poolSizeRepeated, portPools,
    portPoolsMany, poolInFlight, poolMTU, linkBuffers, memoryAddressRange, memoryReserved,
    poolAddressOutside, memoryOverlap, memoryAligned, unknownMember, sharedMemoryLonely,
    unknownWriter, sharedMemoryMute, sharedMemorySize, sharedMemoryAligned, sharedMemoryOverlap,
    sharedMemoryReserved, liodnOverlap, liodnRange, liodnZero, windowSize, windowAligned,
    windowAddress, windowForeign, windowReserved, windowInside, windowOverlap, ruleTwice,
    ruleContested, ruleTypeMismatch, ruleProtocolMismatch, ruleVersionMismatch, ruleGroupSource,
    ruleLoopback, ruleVLANReserved, rulePrefixZero, spreadConstant, queuesWithoutSpread,
    policerUnused, policerPeak, policerBurstOrder, policerRateZero, policerBurst, policerLineRate,
    policerDropsGreen, policerIdle, policerColourAware, policersExhausted,
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
