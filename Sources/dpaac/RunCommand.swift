public import ArgumentParser
public import DPAAPortal
import DPAARuntime
import Diagnostics
import Lowering
import Partitioning
import Glibc

/// `dpaac run`: the plan at work.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a plan: the engine, each guest as a process of its own, real packets.",
    discussion: """
      Plays the plan's captures into its interfaces, shows a live table on a terminal, and ends \
      with a table for every partition, flow, interface, pool and queue. Exits 1 when a frame or \
      a buffer is not accounted for. SIGTERM and Ctrl-C stop the input and drain.

        dpaac run office.yaml
        dpaac run office.yaml -o captures --repeat 100 --rate 50000
        dpaac run office.yaml --port fm1-10g0=other.pcap --format json
        dpaac run office.yaml --program guest1=.build/release/my-guest
        dpaac run office.yaml --inline host
        dpaac run office.yaml -o captures --captures pcapng

      An interface may also be connected with a line. Frames then come and go as long as the run \
      does, which is until SIGTERM or Ctrl-C; what the line does not take, lost or missed is told in \
      the end.

        tap:NAME                a TAP device, made when there is none of this name
        packet:NAME             a network interface of this machine, through AF_PACKET's rings
        xdp:NAME                the same through AF_XDP: the kernel sees none of its frames then
        stream:ADDRESS          a stream socket with QEMU's framing (-netdev stream), called again \
      when the peer goes
        stream-server:ADDRESS   the same, waiting to be called
        dgram:LOCAL,REMOTE      datagrams, as QEMU's -netdev dgram has them
        loop:INTERFACE          a wire to another interface of the plan, or to itself

      NAME@NETNS is a device in a network namespace of ip netns; ADDRESS is a path with a slash or \
      HOST:PORT.

        dpaac run office.yaml --port fm1-10g0=tap:office0
        dpaac run office.yaml --port fm1-10g0=packet:eth1@lab
        dpaac run office.yaml --port fm1-10g0=stream-server:/tmp/office.sock
        dpaac run office.yaml --port fm1-10g0=dgram:127.0.0.1:4000,127.0.0.1:4001

      A guest may also be a machine: GUEST.ram in the folder is its memory, GUEST.bell its doorbell, and \
      its QEMU listens at GUEST.lines, as `dpaac attach --folder` has it. Its driver's frames go where the \
      plan's go. Captures begin when its interfaces are up, and the run ends with SIGTERM or Ctrl-C.

        dpaac run office.yaml --attach guest1=machines

      A guest of the kind vm is a virtual machine that the run starts, with QEMU and what \
      scripts/guest-image makes. It runs the same program over the same portals, which it sees as the \
      memory of a PCI device, and polls, or sleeps until that device interrupts it if the plan says \
      mode: interrupt. A program of your own must be linked statically.

      With a control socket the run goes on until a signal ends it; `dpaac guests` ends, kills and \
      starts single guests meanwhile, and `dpaac apply` goes over to another plan.

        dpaac run office.yaml --port fm1-10g0=tap:office0 --control office.sock
        dpaac guests restart guest1 --control office.sock
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  @Option(
    name: .shortAndLong, help: "Leave a capture of every partition and interface here.",
    completion: .directory)
  var output: String?

  @Option(help: "The format of those captures.")
  var captures: CaptureWriter.Format = .pcap

  @Option(name: .customLong("repeat"), help: "Play each capture this often.")
  var repeats: UInt64 = 1

  @Option(help: "Frames per second on each interface; 0 for as fast as they are taken.")
  var rate: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Have SEC and PME work on a thread of their own, on this CPU of this machine.",
      valueName: "cpu"))
  var acceleratorCpu: Int?

  @OptionGroup var priority: EnginePriority

  @Flag(help: "Say how long the frames of each flow took; on a terminal it is shown meanwhile.")
  var latency = false

  @Flag(help: "Play captures with the gaps between frames that they were recorded with.")
  var recorded = false

  @Option(
    name: .customLong("port"),
    help: ArgumentHelp(
      "Play a capture into an interface, or connect it with a line.",
      valueName: "interface=file|line"))
  var ports: [String] = []

  @Option(
    name: .customLong("program"),
    help: ArgumentHelp(
      "Run a program of your own, which links DPAAPortal, in a partition.",
      valueName: "partition=file"))
  var programs: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run a partition's built-in program on the engine's own thread: no frame to it or from it waits "
        + "for a change of process, and the program is trusted as the engine is.",
      valueName: "partition"))
  var inline: String?

  @Option(
    help: ArgumentHelp(
      "What guests of the kind vm boot: a folder with vmlinuz and initramfs.", valueName: "folder"),
    completion: .directory)
  var guestImage: String?

  @Option(
    help: ArgumentHelp(
      "Listen for `dpaac guests` and `dpaac apply` at this socket, and go on until a signal ends the run.",
      valueName: "file"),
    completion: .file())
  var control: String?

  @Option(
    name: .customLong("attach"),
    help: ArgumentHelp(
      "Have a guest be a machine and no process, with its files in a folder.",
      valueName: "guest=folder"))
  var machines: [Assignment] = []

  func validate() throws {
    let names = machines.map(\.name)
    guard Set(names).count == names.count else {
      throw ValidationError("--attach: one guest is named twice")
    }
    var options = RunOptions(directory: "", guestProgram: [])
    for port in ports {
      if let reason = options.setPort(port, from: Terminal.here) {
        throw ValidationError("--port \(reason)")
      }
    }
    guard !recorded || rate == 0 else {
      throw ValidationError("--recorded and --rate say different things; choose one")
    }
    if let acceleratorCpu, !Processors.mayUse(acceleratorCpu) {
      throw ValidationError("--accelerator-cpu \(acceleratorCpu): this process may not run there")
    }
    guard repeats >= 1 else { throw ValidationError("--repeat must be at least 1") }
  }

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    for wish in partition.unplayedWishes { Terminal.complain("note: \(wish)\n") }
    var options = RunOptions(
      directory: arguments.directory,
      guestProgram: RunOptions.builtInGuest(beside: Terminal.executablePath))
    options.image = GuestImage(in: guestImage ?? GuestImage.usualDirectory)
    if let guestImage, options.image == nil {
      throw ValidationError("--guest-image \(guestImage): there is no vmlinuz or no initramfs")
    }
    options.outputDirectory = output
    options.repeats = repeats
    options.pace = recorded ? .recorded : rate == 0 ? .asTaken : .framesPerSecond(rate)
    options.isLive = isatty(2) == 1
    options.showsLatency = latency
    options.acceleratorCPU = acceleratorCpu
    options.engineNice = priority.nice
    options.control = control
    options.partition = partition
    options.readPlan = { [board = arguments.board] path, before, isJSON in
      let result = PlanLoader.load(path, board: board, lock: .besideElse(PlanLock(before)))
      guard let next = result.partition, !result.diagnostics.hasErrors else {
        return .failure(
          PlanRefusal(
            text: isJSON
              ? DiagnosticFormat.json.render(result.diagnostics, summaries: [:])
              : DiagnosticRenderer(colour: false).render(result.diagnostics)))
      }
      return .success(next)
    }
    options.captureFormat = captures
    // Given on the command line, so paths are seen from here and not from the plan.
    for port in ports { _ = options.setPort(port, from: Terminal.here) }
    let configuration = RuntimeConfiguration(partition)
    for program in programs {
      if let reason = options.setProgram(program, in: configuration) {
        throw ValidationError("--program \(reason)")
      }
    }
    if let inline {
      let isAttached = machines.contains { $0.name == inline }
      if let reason = isAttached
        ? "\(inline): --attach has it be a machine" : options.setInline(inline, in: configuration)
      {
        throw ValidationError("--inline \(reason)")
      }
    }
    do throws(EngineError) {
      options.machines = try clients(partition, options)
    } catch {
      Terminal.complain("error: \(error)\n")
      throw ExitCode(1)
    }
    options.say = { Terminal.complain($0 + "\n") }
    HostProgram.finish(configuration, options: options, isJSON: format == .json)
  }
}

extension RunCommand {
  /// The guests that are machines.
  private func clients(
    _ partition: Partition, _ options: RunOptions
  ) throws(EngineError) -> [AttachServer.Client] {
    var clients: [AttachServer.Client] = []
    for machine in machines {
      let guests = partition.owners.filter { !$0.isHost }.map(\.name)
      guard guests.contains(machine.name),
        let owner = partition.owners.firstIndex(where: { $0.name == machine.name })
      else {
        throw .badConfiguration(
          "--attach \(machine.name): the plan's guests are \(guests.joined(separator: ", "))")
      }
      guard options.programs[machine.name] == nil else {
        throw .badConfiguration("\(machine.name) cannot be a machine and a program at once")
      }
      clients.append(
        try AttachServer.Client(partition, owner: owner, in: machine.value))
    }
    return clients
  }
}

extension CaptureWriter.Format: ExpressibleByArgument {}
