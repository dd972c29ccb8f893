import CPortalShims
import DPAAPortal
import Glibc
import Partitioning

/// `dpaac attach`: serves guests' portals in files to clients that know nothing of dpaac.
public struct AttachServer: ~Copyable {
  /// Where a client is.
  public struct Files: Sendable {
    /// The file that is the client's memory, and where in it the window begins.
    public var memory: String
    /// The window's first byte, a multiple of the page size.
    public var offset: Int
    /// The file whose first page is the doorbell.
    public var doorbell: String

    /// Names the files.
    public init(memory: String, offset: Int, doorbell: String) {
      self.memory = memory
      self.offset = offset
      self.doorbell = doorbell
    }
  }

  /// A client that is to be served.
  public struct Client: Sendable {
    /// Its part of the plan.
    public var plan: AttachPlan
    /// Where it is.
    public var files: Files
    /// How it hears of interrupts.
    public var interrupts: InterruptRoute

    /// Names a client.
    public init(plan: AttachPlan, files: Files, interrupts: InterruptRoute = .none) {
      self.plan = plan
      self.files = files
      self.interrupts = interrupts
    }

    /// What carries interrupts to it; `nil` where it polls.
    var relay: InterruptRelay? {
      InterruptRelay(
        interrupts,
        lines: zip(plan.places, plan.interrupts).flatMap { place, inputs in
          [
            (manager: "qman", place: place, input: inputs.queues),
            (manager: "bman", place: place, input: inputs.buffers),
          ]
        })
    }
  }

  private var clients: [AttachedClient] = []
  private let signals: EndSignals
  private let switchboard: Switchboard?
  private let say: (String) -> Void

  /// Serves until SIGTERM or SIGINT.
  ///
  /// - Parameters:
  ///   - clients: Whom to serve.
  ///   - switchboard: What connects their network interfaces; `nil` for nothing.
  ///   - say: Told one line at a time what happens: `ready …`, `lost …`, `end …`.
  /// - Throws: ``EngineError`` when it cannot begin.
  public static func serve(
    _ clients: [Client], switchboard: Switchboard? = nil, say: @escaping (String) -> Void
  ) throws(EngineError) {
    let server = try AttachServer(clients, switchboard, say)
    defer { server.signals.close() }
    try server.serve()
  }

  private init(
    _ clients: [Client], _ switchboard: Switchboard?, _ say: @escaping (String) -> Void
  ) throws(EngineError) {
    // Who reads what is said may go away.
    signal(SIGPIPE, SIG_IGN)
    let signals = EndSignals()
    var attached: [AttachedClient] = []
    do throws(EngineError) {
      for (index, client) in clients.enumerated() {
        attached.append(
          try AttachedClient(
            client, label: clients.count > 1 ? " \(client.plan.guest)" : "",
            onChange: { switchboard?.connect(index, to: $0) }, say: say))
      }
    } catch {
      signals.close()
      throw error
    }
    self.signals = signals
    self.switchboard = switchboard
    self.say = say
    self.clients = attached
  }

  private func serve() throws(EngineError) {
    var backoff = IdleBackoff()
    var steps: UInt64 = 0
    while true {
      let now = monotonicNanoseconds()
      var isBusy = false
      for client in clients where try client.step(now: now, isIdle: backoff.isNapping) {
        isBusy = true
      }
      if let switchboard, switchboard.step(now: now) { isBusy = true }
      if isBusy { backoff.restart() } else { backoff.rest(now: now) }
      steps &+= 1
      guard steps & 0xff == 0 || backoff.isNapping, signals.take() else { continue }
      for client in clients { client.end() }
      for line in switchboard?.summaries ?? [] { say(line) }
      return
    }
  }
}
