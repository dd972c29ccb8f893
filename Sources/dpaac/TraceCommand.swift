import ArgumentParser
import DPAARuntime
import Diagnostics
import Lowering
import Partitioning
import QorIQ

/// `dpaac trace`: where a frame goes.
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Follow a frame, or a capture's frames, to queue, pool, portal and guest.",
    discussion: """
      The decision is made by the parser, classifier and hash that `dpaac run` uses. A frame is \
      written in hexadecimal from its Ethernet header on; anything else is the path of a pcap file.

        dpaac trace office.yaml 0200000000010200000000020800450000...
        dpaac trace office.yaml traffic.pcap --interface fm1-10g0 --format json
      """)

  @OptionGroup var arguments: PlanArguments

  @Argument(help: "A frame in hexadecimal digits, colons and spaces aside, or a pcap file.")
  var frame: String

  @Option(help: "The interface that it arrives on; the plan's first without it.")
  var interface: String?

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func validate() throws {
    guard Self.bytes(frame) != nil || !Self.looksLikeFrame(frame) else {
      throw ValidationError(
        "\(frame) is no frame: each byte has two hexadecimal digits, and there are "
          + "\(frame.count(where: \.isHexDigit))")
    }
  }

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    let names = partition.interfaces.map(\.name)
    guard let index = interface.map({ names.firstIndex(of: $0) }) ?? (names.isEmpty ? nil : 0)
    else {
      let hint =
        interface.flatMap { nearestName(to: $0, in: names) }
        .map { "; did you mean \($0)?" } ?? (names.isEmpty ? ": it has none" : "")
      throw ValidationError("the plan shares out no interface \(interface ?? "at all")\(hint)")
    }
    do {
      let tracer = try FrameTracer(RuntimeConfiguration(partition), interface: index)
      var traces: [FrameTrace?] = []
      if let bytes = Self.bytes(frame) {
        traces.append(bytes.withUnsafeBytes { tracer.trace($0) })
      } else {
        var reader = try CaptureReader(path: frame)
        while let next = reader.peek() {
          traces.append(tracer.trace(next.bytes, wireLength: next.wireLength))
          reader.advance()
        }
      }
      let printer = TracePrinter(partition: partition, interface: index, traces: traces)
      Terminal.print(format == .json ? printer.json.text + "\n" : printer.text)
    } catch {
      Terminal.complain("error: \(error)\n")
      throw ExitCode(1)
    }
  }

  /// Whether somebody meant a frame, but left a digit out.
  private static func looksLikeFrame(_ text: String) -> Bool {
    text.count > 16 && text.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == " " }
  }

  /// The bytes of hexadecimal digits; `nil` for anything else.
  static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.filter { $0 != ":" && $0 != " " }
    guard digits.count >= 2, digits.count % 2 == 0, digits.allSatisfy(\.isHexDigit) else {
      return nil
    }
    let values = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
  }
}

/// Traces as text and as JSON.
struct TracePrinter {
  let partition: Partition
  let interface: Int
  let traces: [FrameTrace?]

  private var shared: SharedInterface { partition.interfaces[interface] }

  var text: String {
    if traces.count == 1, let trace = traces.first { return steps(trace) }
    var table = TextTable([
      ("frame", .right), ("bytes", .right), ("rule", .right), ("queue", .right),
      ("profile", .right), ("pool", .right), ("channel", .left), ("portal", .right),
      ("guest", .left),
    ])
    for (number, trace) in traces.enumerated() {
      guard let trace else {
        table.add(["\(number + 1)", "< 14", "", "", "", "", "", "", "dropped: no Ethernet header"])
        continue
      }
      if let drop = trace.drop {
        table.add([
          "\(number + 1)", "\(trace.length)", trace.rule.map { "\($0 + 1)" } ?? "", "", "", "", "",
          "", "dropped: \(drop.rawValue)",
        ])
        continue
      }
      table.add([
        "\(number + 1)", "\(trace.length)", trace.rule.map { "\($0 + 1)" } ?? "error",
        "\(trace.queue)", trace.storageProfile.map(String.init) ?? "", Self.text(trace.storage),
        trace.channel.map(\.description) ?? "",
        trace.chain.map { $0.kind.rawValue } ?? trace.channel.map { "\($0.rawValue)" } ?? "",
        trace.lacksBuffers.map { "dropped: \(partition.owners[$0].name) has no buffers for it" }
          ?? partition.owners[trace.owner].name + (trace.hop == nil ? "" : " (by offline port)"),
      ])
      for copy in trace.copies {
        table.add([
          "", "", "copy", "\(copy.queue)", copy.storageProfile.map(String.init) ?? "",
          Self.text(copy.storage), copy.channel.map(\.description) ?? "",
          copy.channel.map { "\($0.rawValue)" } ?? "",
          copy.storage == nil
            ? "dropped: \(partition.owners[copy.owner].name) has no buffers for it"
            : partition.owners[copy.owner].name,
        ])
      }
    }
    return "\(shared.name)\n\n\(table.text)"
  }

  /// A pool, and how many of its buffers a frame in pieces takes.
  private static func text(_ storage: FrameTrace.Storage?) -> String {
    guard let storage else { return "none" }
    return storage.pieces == 1
      ? "\(storage.pool)" : "\(storage.pool), \(storage.pieces) pieces and a table"
  }

  /// What becomes of a frame in a chain.
  private static func text(_ chain: DeviceChain) -> String {
    let input = chain.takesPackets ? "its IP packet" : "all of it"
    let set = chain.patternSet.map { ", set \($0)" } ?? ""
    let end =
      chain.exit.map {
        ", by offline port \($0.port.port) behind an Ethernet header to queue \($0.transmit) of "
          + $0.interface
      } ?? ", to the guest's portals"
    return
      "\(chain.name): \(input) to \(chain.kind.rawValue)\(set), answered on \(chain.response)\(end)"
  }

  private func steps(_ trace: FrameTrace?) -> String {
    guard let trace else {
      return "into \(shared.name)\n\ndropped: shorter than an Ethernet header of 14 bytes\n"
    }
    let owner = partition.owners[trace.owner]
    var table = TextTable([("step", .left), ("what", .left)])
    table.add([
      "parser", trace.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", "),
    ])
    for fault in trace.faults { table.add(["fault", fault]) }
    let why = trace.isOversize ? "longer than the interface's MTU allows" : "a fault in its headers"
    if let number = trace.rule {
      let rule = shared.rules[number]
      table.add([
        "rule",
        "\(number + 1) of \(shared.rules.count)"
          + (rule.conditions.isEmpty
            ? ": otherwise" : ": \(rule.conditions.map(\.planText).joined(separator: ", "))"),
      ])
      if !trace.isDropped {
        table.add([
          "scheme",
          rule.spread.map { "spread by \($0.planText) over \(trace.queues)" } ?? "one queue",
        ])
      }
    } else if !trace.isDropped {
      table.add(["error", "\(why): into \(owner.name)'s error queue"])
    }
    if let drop = trace.drop {
      let reason =
        switch drop {
        case .byRule: "as the rule says"
        case .oversize: why
        case .cut, .noPacket: drop.rawValue
        }
      table.add(["action", "dropped, \(reason)"])
      return "\(trace.length) bytes into \(shared.name)\n\n\(table.text)"
    }
    if let hash = trace.hash {
      table.add([
        "hash",
        "0x\(String(hash, radix: 16)), low bits "
          + "\(hash & UInt64(trace.queues.count - 1)) of \(trace.queues.count)",
      ])
    }
    table.add(["queue", "\(trace.queue)"])
    if let profile = trace.storageProfile { table.add(["profile", "\(profile)"]) }
    if let hop = trace.hop {
      table.add([
        "detour",
        "received into \(partition.owners[hop.receivingOwner].name)'s pools, by queue \(hop.queue) "
          + "to offline port \(hop.port.port), which classifies again and copies",
      ])
    }
    table.add([
      "pool", trace.storage == nil ? "none holds the frame: dropped" : Self.text(trace.storage),
    ])
    let server = trace.chain.map { "of \($0.kind.rawValue)" }
    table.add([
      "channel",
      trace.channel.map { "\($0), \(server ?? "of portal \($0.rawValue)")" } ?? "none",
    ])
    if let chain = trace.chain { table.add(["chain", Self.text(chain)]) }
    table.add([
      "guest",
      trace.lacksBuffers.map { "none: \(partition.owners[$0].name) has no buffers for it" }
        ?? owner.name,
    ])
    for copy in trace.copies {
      let pool =
        copy.storage == nil
        ? "dropped, as no pool holds it" : "into pool \(Self.text(copy.storage))"
      let profile = copy.storageProfile.map { ", by profile \($0)" } ?? ""
      table.add([
        "copy", "\(partition.owners[copy.owner].name): queue \(copy.queue), \(pool)\(profile)",
      ])
    }
    return "\(trace.length) bytes into \(shared.name)\n\n\(table.text)"
  }

  var json: JSONValue {
    ["interface": .string(shared.name), "frames": .array(traces.map(json))]
  }

  private func json(_ trace: FrameTrace?) -> JSONValue {
    guard let trace else { return ["dropped": .string("no Ethernet header")] }
    var members: [JSONValue.Member] = [
      .init("length", JSONValue(trace.length)),
      .init(
        "fields",
        .object(trace.fields.map { .init($0.name, .string($0.value)) })),
    ]
    if let rule = trace.rule { members.append(.init("rule", JSONValue(rule + 1))) }
    if trace.isOversize { members.append(.init("oversize", true)) }
    if let drop = trace.drop {
      members.append(.init("dropped", .string(drop.rawValue)))
    } else {
      members.append(.init("queue", JSONValue(trace.queue.rawValue)))
      members.append(.init("guest", .string(partition.owners[trace.owner].name)))
    }
    if !trace.faults.isEmpty {
      members.append(.init("faults", .array(trace.faults.map { .string($0) })))
    }
    if let hash = trace.hash {
      members.append(.init("hash", .string("0x" + String(hash, radix: 16))))
    }
    if let profile = trace.storageProfile {
      members.append(.init("storageProfile", JSONValue(profile)))
    }
    if let storage = trace.storage {
      members.append(.init("pool", JSONValue(storage.pool.rawValue)))
      if storage.pieces > 1 { members.append(.init("pieces", JSONValue(storage.pieces))) }
    }
    if let owner = trace.lacksBuffers {
      members.append(.init("dropped", .string("\(partition.owners[owner].name) has no buffers")))
    }
    if let channel = trace.channel {
      members.append(.init("channel", JSONValue(channel.rawValue)))
      if trace.chain == nil { members.append(.init("portal", JSONValue(channel.rawValue))) }
    }
    if let chain = trace.chain {
      members.append(.init("through", .string(chain.name)))
      members.append(.init("response", JSONValue(chain.response.rawValue)))
    }
    if !trace.copies.isEmpty {
      members.append(
        .init(
          "copies",
          .array(
            trace.copies.map { copy in
              [
                "guest": .string(partition.owners[copy.owner].name),
                "queue": JSONValue(copy.queue.rawValue),
                "pool": copy.storage.map { JSONValue($0.pool.rawValue) } ?? .null,
              ]
            })))
    }
    if let hop = trace.hop { members.append(.init("offlineQueue", JSONValue(hop.queue.rawValue))) }
    return .object(members)
  }
}
