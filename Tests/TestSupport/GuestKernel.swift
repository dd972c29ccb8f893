import Foundation

/// The slim Linux that `scripts/guest-kernel` builds: a reader of guest trees that says what it found.
public struct GuestKernel: Sendable {
  /// The core that it is built for.
  public let core: String
  /// The image; `nil` when it is not built.
  public let path: String?

  /// For e500mc, 32 bits.
  public static let e500mc = GuestKernel("e500mc")
  /// For e5500, 64 bits.
  public static let e5500 = GuestKernel("e5500")
  /// QEMU's plugin that makes stores to portals synchronous; `nil` when it is not built.
  public static let plugin = built("plugin")

  /// Whether tests with kernels run: they are heavy, and nothing is built for them.
  public static let arePresent =
    isHeavy && e500mc.path != nil && e5500.path != nil && plugin != nil

  private init(_ core: String) {
    self.core = core
    path = Self.built(core)
  }

  private static func built(_ name: String) -> String? {
    let script = Tool("\(Checkout.path)/scripts/guest-kernel", package: "")
    let outcome = try? script.run(["--if-cheap", name])
    return outcome?.text.split(separator: "\n").first.map(String.init)
  }
}

/// What the init of a ``GuestKernel`` reports: what its kernel made of the tree, and how tests went.
public struct GuestReport: Sendable {
  /// A software portal of which the kernel has made a device.
  public struct Portal: Hashable, Sendable {
    /// `qman` or `bman`.
    public var block: String
    /// Where its first area lies, translated by the kernel.
    public var base: UInt64
    /// Its `cell-index`.
    public var index: Int
    /// The first cell of its `interrupts`.
    public var interrupt: Int

    /// Names a portal.
    public init(block: String, base: UInt64, index: Int, interrupt: Int) {
      self.block = block
      self.base = base
      self.index = index
      self.interrupt = interrupt
    }
  }

  /// The tree's model.
  public private(set) var model = ""
  /// The CPUs that are online, as `0-3`.
  public private(set) var online = ""
  /// The core of each CPU.
  public private(set) var cores: [String] = []
  /// The memory that the kernel uses, ascending.
  public private(set) var memory: [Range<UInt64>] = []
  /// All portals.
  public private(set) var portals: Set<Portal> = []
  /// Those that a driver works with.
  public private(set) var drivenPortals: Set<Portal> = []
  /// What the kernel has logged as a warning, an error or worse.
  public private(set) var complaints: [String] = []
  /// The self-tests that passed, in order.
  public private(set) var passedTests: [String] = []
  /// The lines about self-tests that did not.
  public private(set) var failedTests: [String] = []
  /// The lines that init has printed, without their beginning.
  public private(set) var lines: [String] = []
  /// All that came over the console.
  public let transcript: String

  /// Whether Linux 6.1 complains of itself, whatever tree it has.
  private static func isAboutItself(_ complaint: String) -> Bool {
    // Every 64-bit kernel for these cores (`init/main.c`).
    complaint == "This architecture does not have kernel memory protection."
      // QMan's driver wants to zero its memory through a second mapping, which 32-bit kernels have
      // for highmem only, as on the boards; and goes on (`drivers/soc/fsl/qbman/qman_ccsr.c`,
      // `arch/powerpc/mm/ioremap_32.c`).
      || complaint.hasPrefix("__ioremap_caller(): phys addr ")
        && complaint.hasSuffix(" is RAM lr ioremap_prot")
      // FMan's driver resets a block of the third version through the device configuration, which no
      // guest has, and goes on without (`drivers/net/ethernet/freescale/fman/fman.c`, erratum A007273).
      || complaint.hasSuffix("fman_reset: Couldn't find guts node")
  }

  /// Waits until a guest's init has reported, and reads that.
  ///
  /// - Throws: ``ConsoleError`` when the guest does not come that far.
  public init(from console: Console, seconds: Double = 300) throws {
    try console.wait(for: "guest: end\n", seconds: seconds)
    transcript = console.transcript
    for line in transcript.split(separator: "\n") where line.hasPrefix("guest: ") {
      lines.append(String(line.dropFirst("guest: ".count)))
      read(line.dropFirst("guest: ".count).split(separator: " "))
    }
  }

  private mutating func read(_ words: [Substring]) {
    let rest = words.dropFirst().joined(separator: " ")
    switch words.first {
    case "model": model = rest
    case "online": online = rest
    case "core": cores.append(rest)
    case "memory":
      let ends = (words.dropFirst().first ?? "").split(separator: "-")
      guard ends.count == 2, let first = UInt64(ends[0], radix: 16),
        let last = UInt64(ends[1], radix: 16)
      else { return complaints.append("unreadable: \(rest)") }
      memory.append(first..<last + 1)
    case "portal":
      // portal qman ff4210000.qman-portal index 4 interrupt 112 idle
      guard words.count == 8,
        let base = words[2].split(separator: ".").first.flatMap({ UInt64($0, radix: 16) }),
        let index = Int(words[4]), let interrupt = Int(words[6])
      else { return complaints.append("unreadable: \(rest)") }
      let portal = Portal(
        block: String(words[1]), base: base, index: index, interrupt: interrupt)
      portals.insert(portal)
      if words[7] == "driven" { drivenPortals.insert(portal) }
    case "complaint" where !Self.isAboutItself(rest): complaints.append(rest)
    case "round":
      if words.last == "passed", words.count == 4 {
        passedTests.append(String(words[2]))
      } else {
        failedTests.append(rest)
      }
    default: break
    }
  }
}
