import CPortalShims
public import DPAAPortal
import Glibc
public import Partitioning

/// How a configuration is run.
public struct RunOptions: Sendable {
  /// What relative paths of captures and of files of keys are relative to.
  public var directory: String
  /// The program that each guest's process executes; it is given nothing but descriptor 3.
  public var guestProgram: [String]
  /// Programs of partitions that run another one, by the partition's name: path and arguments.
  public var programs: [String: [String]] = [:]
  /// The partition whose built-in program runs on the engine's own thread; `nil` for none.
  public var inlinePartition: String?
  /// What guests of the kind `vm` boot; `nil` when there is no image.
  public var image: GuestImage?
  /// Guests that are machines of their own, whose drivers find their portals in the machines' memory.
  public var machines: [AttachServer.Client] = []
  /// Told one line at a time what happens to machines: `ready …`, `lost …`, `end …`.
  public var say: @Sendable (String) -> Void = { _ in }
  /// Where captures of every guest and interface are left; `nil` for none.
  public var outputDirectory: String?
  /// Captures to play instead of the plan's, by interface.
  public var replays: [String: String] = [:]
  /// What interfaces are connected with instead of a capture, by name.
  public var lines: [String: PortAddress] = [:]
  /// The format of the captures that are left.
  public var captureFormat = CaptureWriter.Format.pcap
  /// How often each capture is played.
  public var repeats: UInt64 = 1
  /// How fast each capture is played.
  public var pace = ReplayPace.asTaken
  /// The file of a socket over which the run is told what to do with its guests; it then goes on until a signal
  /// ends it. `nil` for none.
  public var control: String?
  /// The partition that is run, for a run that may go over to another plan; `nil` for one that cannot.
  public var partition: Partition?
  /// Reads the plan at a path, which keeps what a partition has, and says why that cannot be: a run itself knows no
  /// plans.
  public var readPlan: PlanReader?
  /// How the patterns of a new plan are compiled.
  var compilePatterns: PatternSets.Compiler = { (configuration, known) throws(EngineError) in
    try PatternSets(configuration, knowing: known)
  }
  /// The CPU of a thread that does nothing but SEC's and PME's work; `nil` for none.
  public var acceleratorCPU: Int?
  /// The nice value of the engine's thread, if that is lower than this process's.
  public var engineNice = 0
  /// Whether a table is drawn to standard error while it runs.
  public var isLive = false
  /// Whether the report says how long frames took, which no two runs of the same plan agree on.
  public var showsLatency = false
  /// What is done with a run whose guests have started, in the place of waiting for its end.
  public var measure: (@Sendable (inout RunSession) -> Void)?
  /// The processors on which the engine and the guests run; `nil` for those of this thread.
  public var processors: (engine: [Int], guests: [Int])?
  /// How long, in milliseconds, a run whose input has ended may stand still before it is ended.
  public var patience: UInt64 = 2000

  /// Creates options.
  public init(directory: String, guestProgram: [String]) {
    self.directory = directory
    self.guestProgram = guestProgram
  }

  /// The program and arguments of a built-in guest: `dpaac-guest` beside an executable, or that
  /// very executable when there is none, as for a `dpaac` that was copied alone.
  public static func builtInGuest(beside executable: String) -> [String] {
    let directory = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let companion = (directory + ["dpaac-guest"]).joined(separator: "/")
    return access(companion, X_OK) == 0 ? [companion] : [executable, "guest"]
  }

  /// Has a partition run a program of its own, as a command line says it.
  ///
  /// - Parameters:
  ///   - assignment: `NAME=PATH`.
  ///   - configuration: What is run.
  /// - Returns: Why this cannot be; `nil` when it can.
  public mutating func setProgram(
    _ assignment: String, in configuration: RuntimeConfiguration
  ) -> String? {
    let partitions = configuration.owners.map(\.name)
    let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      return "\(assignment): write it as partition=file, as in guest1=./my-guest"
    }
    guard partitions.contains(parts[0]) else {
      return "\(assignment): the plan has no \(parts[0]), but \(partitions.joined(separator: ", "))"
    }
    var information = stat()
    guard stat(parts[1], &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      access(parts[1], X_OK) == 0
    else { return "\(assignment): \(parts[1]) is no program that can be executed" }
    programs[parts[0]] = [parts[1]]
    return nil
  }

  /// Has a partition's built-in program run on the engine's thread, as a command line says it.
  ///
  /// - Parameters:
  ///   - name: The partition.
  ///   - configuration: What is run.
  /// - Returns: Why this cannot be; `nil` when it can.
  public mutating func setInline(_ name: String, in configuration: RuntimeConfiguration) -> String?
  {
    guard let owner = configuration.owners.first(where: { $0.name == name }) else {
      let partitions = configuration.owners.map(\.name)
      return "\(name): the plan has no \(name), but \(partitions.joined(separator: ", "))"
    }
    guard owner.kind == .process else { return "\(name): it is a virtual machine" }
    guard programs[name] == nil else {
      return "\(name): only a built-in program can run there, and it runs one of your own"
    }
    inlinePartition = name
    return nil
  }

  /// Connects an interface, as a command line says it.
  ///
  /// - Parameters:
  ///   - assignment: `INTERFACE=ADDRESS`, as ``PortAddress`` reads it.
  ///   - here: The directory that a capture's path is relative to.
  ///   - configuration: What is run; `nil` when it is not known yet, and any interface will do.
  /// - Returns: Why this cannot be; `nil` when it can.
  public mutating func setPort(
    _ assignment: String, from here: String, in configuration: RuntimeConfiguration? = nil
  ) -> String? {
    let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, !assignment.hasPrefix("=") else {
      return
        "\(assignment): write it as interface=file, as in fm1-10g0=in.pcap, or as interface=line: "
        + PortAddress.forms.joined(separator: ", ")
    }
    let name = parts[0]
    if let interfaces = configuration?.interfaces.map(\.name), !interfaces.contains(name) {
      return "\(assignment): \(EngineError.noInterface(name, interfaces))"
    }
    guard replays[name] == nil, lines[name] == nil else {
      return "\(assignment): \(name) is connected twice"
    }
    do throws(PortAddress.Fault) {
      switch try PortAddress(parts[1]) {
      case .capture(let path): replays[name] = path.hasPrefix("/") ? path : "\(here)/\(path)"
      case let address: lines[name] = address
      }
    } catch {
      return "\(assignment): \(error.reason)"
    }
    return nil
  }

  /// The interfaces that a line leads to, other ends of loops included.
  var connectedInterfaces: Set<String> {
    var names = Set(lines.keys)
    for case .loop(let peer) in lines.values { names.insert(peer) }
    return names
  }

  /// Where the capture of a partition or interface is left.
  func capture(of name: String, in directory: String) -> String {
    "\(directory)/\(name).\(captureFormat.rawValue)"
  }

  /// The path of a capture or of a file of a key, seen from ``directory``.
  func resolve(_ path: String) -> String {
    path.hasPrefix("/") || directory.isEmpty ? path : "\(directory)/\(path)"
  }
}
