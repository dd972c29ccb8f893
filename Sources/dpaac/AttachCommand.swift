public import ArgumentParser
import Codegen
public import DPAARuntime
import Diagnostics
import Glibc
import Lowering
import Partitioning

/// `dpaac attach`: a guest's portals for somebody else's driver.
struct AttachCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "Serve a guest's portals in a shared file, to any driver of DPAA.",
    discussion: """
      The file is the client's memory: a virtual machine's RAM, or a file that a program maps. From \
      OFFSET on it holds BMan's portals, QMan's portals (+0x200000) and the registers of QMan \
      (+0x400000) and BMan (+0x402000), as hardware has them; addresses in descriptors are offsets \
      in the file. A client that posts each store in the doorbell page finds what follows from it \
      done when the store is acknowledged. docs/attach.md has every byte.

      Prints a line that begins with "ready" as soon as it serves, and serves until SIGTERM. Whoever \
      zeroes the window, or takes the file away and brings it back, finds everything reset.

        truncate -s 1G ram
        dpaac attach office.yaml --guest guest1 --memory ram --at 0x20000000 --doorbell bell
        dpaac attach office.yaml --guest guest1 --memory ram --at 0 --doorbell bell \
          --interrupts qtest:qtest.sock
        dpaac attach office.yaml --folder machines --replay fm1-gb0=traffic.pcap
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "The guest of the plan whose portals are served; several only with --folder.")
  var guest: [String] = []

  @Option(help: "The file that is the client's memory.", completion: .file())
  var memory: String?

  @Option(
    name: .customLong("at"),
    help: ArgumentHelp(
      "Where the window begins in the file: decimal or 0x…, a multiple of 4096.",
      valueName: "offset"))
  var offset: FileOffset?

  @Option(help: "The file whose first page is the doorbell; made when it is not there.")
  var doorbell: String?

  @Option(
    help: """
      Serve several guests, all with mainline Linux unless --guest names some, each with files of its \
      name here: NAME.ram, made when it is not there, NAME.bell, and NAME.lines where its QEMU listens.
      """,
    completion: .directory)
  var folder: String?

  @Option(
    name: .customLong("replay"),
    help: ArgumentHelp(
      "With --folder, play a capture into an interface, as soon as all guests on it are up.",
      valueName: "interface=file"))
  var replays: [Assignment] = []

  @Option(
    name: .customLong("loopback"),
    help: ArgumentHelp(
      "Connect the network interfaces of two of the guest's ways; may be given again.",
      valueName: "way=way"))
  var loopbacks: [WayPair] = []

  @Option(
    help: ArgumentHelp(
      "How interrupts reach the client: none (it polls), qtest:SOCKET, socket:PATH.",
      valueName: "route"))
  var interrupts: InterruptRoute?

  func validate() throws {
    guard folder != nil else {
      if memory == nil { throw ValidationError("--memory FILE is missing, or --folder") }
      if offset == nil { throw ValidationError("--at OFFSET is missing") }
      if doorbell == nil { throw ValidationError("--doorbell FILE is missing") }
      if guest.count != 1 { throw ValidationError("--guest NAME must be given once") }
      if !replays.isEmpty { throw ValidationError("--replay needs --folder") }
      return
    }
    guard memory == nil, offset == nil, doorbell == nil, interrupts == nil, loopbacks.isEmpty else {
      throw ValidationError(
        "with --folder there is no --memory, --at, --doorbell, --interrupts and --loopback")
    }
    let names = replays.map(\.name)
    if Set(names).count < names.count {
      throw ValidationError("--replay: an interface plays one capture")
    }
    if Set(guest).count < guest.count { throw ValidationError("--guest: one is named twice") }
  }

  func run() throws {
    let (partition, result) = try arguments.load(.text)
    arguments.warn(result.diagnostics)
    let owners = try guest.map { name in
      guard let index = partition.owners.firstIndex(where: { $0.name == name }) else {
        let known = partition.owners.map(\.name).joined(separator: ", ")
        throw ValidationError("--guest \(name): the plan has \(known)")
      }
      return index
    }
    do throws(EngineError) {
      if let folder {
        try serve(partition, owners, in: folder)
      } else {
        try serveOne(partition, owners[0])
      }
    } catch {
      Terminal.complain("error: \(error)\n")
      throw ExitCode(1)
    }
  }

  private func serveOne(_ partition: Partition, _ owner: Int) throws(EngineError) {
    let plan = try AttachPlan(
      partition, owner: owner, interrupt: GuestMachine.interrupt(forBoard:),
      loopbacks: loopbacks.map { ($0.first, $0.second) })
    let files = AttachServer.Files(
      memory: memory ?? "", offset: offset?.value ?? 0, doorbell: doorbell ?? "")
    try AttachServer.serve([
      AttachServer.Client(plan: plan, files: files, interrupts: interrupts ?? .none)
    ]) { Terminal.print($0 + "\n") }
  }

  /// Serves several guests, as their trees and their launch scripts expect it.
  private func serve(
    _ partition: Partition, _ named: [Int], in folder: String
  ) throws(EngineError) {
    var owners = named
    if owners.isEmpty {
      owners = partition.owners.indices.filter {
        !partition.owners[$0].isHost && partition.owners[$0].os == .linuxMainline
      }
    }
    guard !owners.isEmpty else {
      throw .badConfiguration(
        "no guest has mainline Linux, which --folder serves; name one: --guest")
    }
    var clients: [AttachServer.Client] = []
    for owner in owners {
      clients.append(try AttachServer.Client(partition, owner: owner, in: folder))
    }
    let switchboard = try Switchboard(
      partition, clients: clients.map(\.plan),
      replays: Dictionary(
        replays.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
    try AttachServer.serve(clients, switchboard: switchboard) { Terminal.print($0 + "\n") }
  }
}

extension AttachServer.Client {
  /// A guest with its files in a folder, as its tree and its launch script expect it; its memory is made when
  /// it is not there.
  init(_ partition: Partition, owner: Int, in folder: String) throws(EngineError) {
    let place = "\(folder)/\(partition.owners[owner].name)"
    let window = GuestMachine.window(partition, owner: owner)
    try GuestMemoryFile.make("\(place).ram", size: Int(window.ramSize))
    guard let route = InterruptRoute(argument: "qtest:\(place).lines") else {
      throw .file("\(place).lines", ENAMETOOLONG)
    }
    self.init(
      plan: try AttachPlan(
        partition, owner: owner, interrupt: GuestMachine.interrupt(forBoard:)),
      files: AttachServer.Files(
        memory: "\(place).ram", offset: Int(window.base), doorbell: "\(place).bell"),
      interrupts: route)
  }
}

/// Two ways of a guest, as a person writes them.
struct WayPair: ExpressibleByArgument {
  let first: String
  let second: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    (first, second) = (String(parts[0]), String(parts[1]))
  }
}

/// An offset in a file, as a person writes it.
struct FileOffset: ExpressibleByArgument {
  let value: Int

  init?(argument: String) {
    let isHex = argument.hasPrefix("0x") || argument.hasPrefix("0X")
    let number = isHex ? Int(argument.dropFirst(2), radix: 16) : Int(argument)
    // A file has fewer than 2^62 bytes, so that no sum overflows.
    guard let number, number >= 0, number % 4096 == 0, number < 1 << 62 else { return nil }
    value = number
  }
}

extension InterruptRoute: ExpressibleByArgument {
  /// Reads `none`, `qtest:SOCKET` or `socket:PATH`; a path that a socket cannot have is none.
  public init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("none", 1): self = .none
    case ("qtest", 2) where parts[1].utf8.count < 108: self = .qtest(parts[1])
    case ("socket", 2) where parts[1].utf8.count < 108: self = .socket(parts[1])
    default: return nil
    }
  }
}
