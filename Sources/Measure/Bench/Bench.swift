import CPortalShims
import DPAARuntime
import Glibc

/// The talk's measurement: how many frames each contestant carries, by turns.
public enum Bench {
  /// Measures what is wanted and possible here.
  ///
  /// - Returns: What was measured, and what was not and why.
  public static func run(_ wish: BenchOptions) -> BenchReport {
    var options = wish
    let view = HostView()
    options.allowed = Processors.usable
    options.accelerator = HostMachine.kvmSpeed.isUsable ? "kvm" : "tcg"
    var report = BenchReport(options, host: hostLine(view, options))
    defer { Processors.pin(to: options.allowed) }
    var template = Array("/tmp/dpaac-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      report.omissions.append("everything: there is no place in /tmp")
      return report
    }
    options.scratch = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { rmdir(options.scratch) }
    var counts: [Int] = []
    for count in options.processorCounts {
      if count <= options.allowed.count {
        counts.append(count)
      } else {
        report.omissions.append(
          "on \(count) processors: this process may use \(options.allowed.count)")
      }
    }
    let contestants = options.contestants.filter { contestant in
      guard let reason = obstacle(contestant, options, view) else { return true }
      report.omissions.append("\(contestant.title): \(reason)")
      return false
    }
    for flow in options.flows {
      guard let reason = obstacle(flow, view) else { continue }
      report.omissions.append("\(flow.title): \(reason)")
      options.flows.removeAll { $0 == flow }
    }
    if options.sizes.contains(where: { options.flows != options.flows(of: $0) }) {
      report.omissions.append("round trips of the mixture: they are of one frame each")
    }
    var clocks: [Double] = []
    var samples: [BenchSample] = []
    var failed: Set<String> = []
    // Who has it end gets what has been measured until then: a turn of others goes on to its end.
    let signals = EndSignals()
    defer { signals.close() }
    turns: for round in 1...max(1, options.rounds) {
      for count in counts {
        for contestant in contestants {
          let turn = "\(contestant.title), \(count) CPU"
          var options = options
          options.flows = options.flows.filter(contestant.carries)
          guard !failed.contains(turn), !options.flows.isEmpty else { continue }
          guard !signals.take() else {
            report.isInterrupted = true
            break turns
          }
          clocks.append(dpaac_cycles_per_nanosecond())
          options.say("round \(round) of \(options.rounds): \(turn)")
          do throws(BenchError) {
            try measure(contestant, count, options, into: &samples)
          } catch {
            guard error != .interrupted else {
              report.isInterrupted = true
              break turns
            }
            failed.insert(turn)
            report.omissions.append("\(turn): \(error)")
          }
        }
      }
    }
    if report.isInterrupted { report.omissions.append("the rest: \(BenchError.interrupted)") }
    report.results = BenchResult.grouped(samples)
    report.clock = BenchResult.median(clocks)
    return report
  }

  /// Adds a contestant's samples, those too that were taken before it failed.
  private static func measure(
    _ contestant: Contestant, _ processors: Int, _ options: BenchOptions,
    into samples: inout [BenchSample]
  ) throws(BenchError) {
    switch contestant {
    case .process, .processInterrupt, .machine, .machineInterrupt:
      for size in options.sizes {
        try PortalContest(
          contestant: contestant, processors: processors, size: size, options: options
        ).run(into: &samples)
      }
    case .library:
      for size in options.sizes {
        try LibraryContest(processors: processors, size: size, options: options)
          .run(into: &samples)
      }
    case .bridge:
      for size in options.sizes {
        try inScratchNetwork {
          try BridgeContest(processors: processors, size: size, options: options)
            .run(into: &samples)
        }
      }
    case .virtioBridge, .virtioKernel:
      try inScratchNetwork {
        try VirtioContest(contestant: contestant, processors: processors, options: options)
          .run(into: &samples)
      }
    case .virtioVhost:
      guard let path = HostView().program(VhostContest.program) else { return }
      try VhostContest(processors: processors, options: options, path: path).run(into: &samples)
    }
  }

  /// Runs something in a network namespace of this thread's own.
  private static func inScratchNetwork(_ body: () throws -> Void) throws(BenchError) {
    do {
      try ScratchNetwork.run(body)
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(error)")
    }
  }

  /// TAP devices on a bridge, by name, with virtio's header or without.
  static func bridge(
    _ names: [(name: String, hasHeader: Bool)]
  ) throws(BenchError) -> [Int32] {
    do throws(LineError) {
      return try ScratchNetwork.bridge(names)
    } catch {
      throw BenchError("\(error)")
    }
  }

  /// Why a contestant cannot take part; `nil` when it can.
  private static func obstacle(
    _ contestant: Contestant, _ options: BenchOptions, _ view: HostView
  ) -> String? {
    if contestant.hasTaps {
      for name in ["tap", "namespaces"] {
        guard let check = HostCheck.all.first(where: { $0.name == name }) else { continue }
        let finding = check.look(view)
        if finding.verdict != .yes { return "needs root: \(finding.reason)" }
      }
    }
    guard contestant.hasMachines else { return nil }
    if contestant == .virtioKernel,
      let finding = HostCheck.all.first(where: { $0.name == "vhost-net" })?.look(view),
      finding.verdict != .yes
    {
      return finding.reason
    }
    if contestant == .virtioVhost, view.program(VhostContest.program) == nil {
      return "no \(VhostContest.program) on PATH (Debian: dpdk-dev)"
    }
    guard HostMachine.emulator != nil else { return "no \(HostMachine.emulatorName) on PATH" }
    guard let image = options.image else { return "no image: scripts/guest-image makes it" }
    if contestant.isVirtio, access(image.contest, R_OK) != 0 {
      return "no file \(image.contest): scripts/contest-image makes it"
    }
    return nil
  }

  /// Why a way cannot be measured; `nil` when it can. Accelerators' ways have the names of doctor's checks.
  private static func obstacle(_ flow: TrafficFlow, _ view: HostView) -> String? {
    guard flow.isAccelerated,
      let finding = HostCheck.all.first(where: { $0.name == flow.rawValue })?.look(view),
      finding.verdict != .yes
    else { return nil }
    return finding.reason
  }

  private static func hostLine(_ view: HostView, _ options: BenchOptions) -> String {
    let model = (view.text("/proc/cpuinfo") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":").last?.drop { $0 == " " }
    return "\(model ?? "unknown processor"), \(options.allowed.count) processors"
  }
}
