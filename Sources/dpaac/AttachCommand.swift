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
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "The guest of the plan whose portals are served.")
  var guest: String

  @Option(help: "The file that is the client's memory.", completion: .file())
  var memory: String

  @Option(
    name: .customLong("at"),
    help: ArgumentHelp(
      "Where the window begins in the file: decimal or 0x…, a multiple of 4096.",
      valueName: "offset"))
  var offset: FileOffset

  @Option(help: "The file whose first page is the doorbell; made when it is not there.")
  var doorbell: String

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
  var interrupts: InterruptRoute = .none

  func run() throws {
    let (partition, result) = try arguments.load(.text)
    arguments.warn(result.diagnostics)
    guard let index = partition.owners.firstIndex(where: { $0.name == guest }) else {
      let known = partition.owners.map(\.name).joined(separator: ", ")
      throw ValidationError("--guest \(guest): the plan has \(known)")
    }
    do throws(EngineError) {
      try AttachServer.serve(
        AttachPlan(
          partition, owner: index, interrupt: GuestMachine.interrupt(forBoard:),
          loopbacks: loopbacks.map { ($0.first, $0.second) }),
        files: AttachServer.Files(memory: memory, offset: offset.value, doorbell: doorbell),
        interrupts: interrupts
      ) { Terminal.print($0 + "\n") }
    } catch {
      Terminal.complain("error: \(error)\n")
      throw ExitCode(1)
    }
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
