import CPortalShims
import Glibc

/// Why a guest could not attach or go on.
public enum GuestError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Descriptor 3 is not the control socket that `dpaac run` passes, and this is no machine that it started.
  case noControlSocket
  /// The grant is not of a version that this library reads.
  case badGrant
  /// The number of descriptors does not fit the grant.
  case missingDescriptors(expected: Int, received: Int)
  /// A region is smaller than the grant says, or cannot be mapped.
  case badRegion(String)
  /// The plan's program needs a pool or a path that was not granted.
  case missingResource(String)
  /// The interrupts of a machine's portals cannot be had; with the error number.
  case noInterrupts(Int32)
  /// A guest's capture could not be written; with the error number.
  case capture(String, Int32)

  /// A sentence for people.
  public var description: String {
    switch self {
    case .noControlSocket:
      "descriptor 3 is not a control socket, and there is no PCI device with portals: start this program "
        + "with `dpaac run`"
    case .badGrant: "the host speaks another version of the guest protocol"
    case .missingDescriptors(let expected, let received):
      "the host sent \(received) descriptors where \(expected) were expected"
    case .badRegion(let name): "the \(name) region is too small or cannot be mapped"
    case .missingResource(let what): "the plan grants no \(what)"
    case .noInterrupts(let error):
      "the interrupts of the PCI device cannot be had: \(String(cString: strerror(error)))"
    case .capture(let name, let error):
      "\(name)'s capture is incomplete: \(String(cString: strerror(error)))"
    }
  }
}

/// The regions and portals of one owner, as its process holds them.
///
/// A session maps its own regions and nothing else: its portals, its pools and its status page.
public struct GuestSession: ~Copyable {
  /// What was granted.
  public let grant: GuestGrant
  /// The owner's name.
  public var name: String { grant.name }
  /// The portals; each belongs to one thread.
  public var portals: PortalSet
  /// The status page.
  public let status: UnsafeMutableRawPointer
  /// The capture of what arrives, when the host wants one.
  public var capture: CaptureWriter?

  let pools: UnsafeMutableBufferPointer<MappedPool>
  /// How the host says what it wants.
  let host: HostLink
  /// The interrupt of each portal, readable when it fired.
  let interrupts: [Int32]
  /// How an engine that sleeps is woken.
  private let bell: EngineBell
  /// How a virtual machine that polls waits for work.
  private var patience: NapPatience
  /// How often a program looks for work before it waits.
  private let mostIdleRounds: Int
  /// How often it looks for a frame in place of the hint of a polling loop; 0 where the hint is given. To a translator of
  /// instructions the hint saves nothing, and costs more than looks do. Not where machines that poll want each other's
  /// processors.
  private let looks: Int

  /// The portals of a session.
  public struct PortalSet: ~Copyable {
    // SAFETY: `first` is the first of `count` portals, which are the set's own. No buffer pointer,
    // whose elements the compiler (Swift 6.3) cannot change in place under ThreadSanitizer.
    let first: UnsafeMutablePointer<Portal>
    /// How many portals there are.
    public let count: Int
    /// One portal.
    public subscript(index: Int) -> Portal {
      _read {
        precondition(index >= 0 && index < count, "no such portal")
        yield first[index]
      }
      _modify {
        precondition(index >= 0 && index < count, "no such portal")
        yield &first[index]
      }
    }
    deinit {
      first.deinitialize(count: count)
      first.deallocate()
    }
  }

  // SAFETY: the caller keeps the mappings for the session's life and makes one session over them.
  /// Makes a session over regions that are already mapped.
  ///
  /// - Parameters:
  ///   - grant: What was granted.
  ///   - window: The portal region.
  ///   - status: The status page.
  ///   - poolMemory: The memory of each pool of the grant, in order.
  ///   - control: The control socket, or -1.
  ///   - interrupts: A descriptor for each portal, or none to poll only.
  ///   - capture: A descriptor for a capture, or -1.
  ///   - runEngine: Runs a round of an engine that works on this very thread; `nil` when the
  ///     engine has a thread or process of its own.
  public init(
    grant: GuestGrant, window: UnsafeMutableRawPointer, status: UnsafeMutableRawPointer,
    poolMemory: [UnsafeMutableRawPointer], control: Int32 = -1, interrupts: [Int32] = [],
    capture: Int32 = -1, runEngine: (() -> Void)? = nil
  ) {
    self.init(
      grant: grant, window: window, status: status, poolMemory: poolMemory,
      host: control >= 0 ? .socket(control) : .nobody, interrupts: interrupts, capture: capture,
      runEngine: runEngine)
  }

  // SAFETY: as above.
  init(
    grant: GuestGrant, window: UnsafeMutableRawPointer, status: UnsafeMutableRawPointer,
    poolMemory: [UnsafeMutableRawPointer], host: HostLink, interrupts: [Int32] = [],
    capture: Int32 = -1, runEngine: (() -> Void)? = nil
  ) {
    precondition(poolMemory.count == grant.pools.count, "every granted pool has its memory")
    self.grant = grant
    patience = NapPatience(isShared: grant.sharesProcessor)
    mostIdleRounds = host.isWindow && grant.sharesProcessor ? 16 : 96
    looks =
      host.isWindow && !grant.sharesProcessor && dpaac_is_translated() != 0
      ? max(16 / max(grant.portalCount, 1), 1) : 0
    self.status = status
    self.host = host
    bell = host.bell
    self.interrupts = interrupts
    self.capture =
      capture >= 0
      ? CaptureWriter(descriptor: capture, format: grant.capture ?? .pcap, name: grant.name) : nil
    pools = .allocate(capacity: grant.pools.count)
    for (index, pool) in grant.pools.enumerated() {
      pools.initializeElement(at: index, to: MappedPool(pool, memory: poolMemory[index]))
    }
    let portals = UnsafeMutablePointer<Portal>.allocate(capacity: grant.portalCount)
    for index in 0..<grant.portalCount {
      (portals + index).initialize(
        to: Portal(
          region: window, index: index, grant: grant, pools: pools, status: status,
          runEngine: runEngine))
      portals[index].bell = bell
    }
    self.portals = PortalSet(first: portals, count: grant.portalCount)
  }

  deinit { pools.deallocate() }

  /// Takes the grant and the regions from the control socket that `dpaac run` left on descriptor 3, or, in a
  /// virtual machine that it started, from the PCI device that holds them.
  ///
  /// From then on a process ends with the one that started it: a guest that waits for room in a
  /// ring would wait for ever when there is no engine any more.
  public static func attach() throws(GuestError) -> GuestSession {
    if !ControlSocket.isSocket(3), let device = SharedMemoryDevice.find() {
      return try attach(window: device)
    }
    _ = dpaac_end_with_parent()
    return try attach(control: 3)
  }

  static func attach(control: Int32) throws(GuestError) -> GuestSession {
    var message = [UInt8](repeating: 0, count: 1 << 16)
    let received = ControlSocket.receive(from: control, into: &message)
    guard let received else { throw .noControlSocket }
    guard let grant = GuestGrant(message: Array(message.prefix(received.count))) else {
      throw .badGrant
    }
    let expected = 2 + grant.pools.count + grant.portalCount + (grant.capture == nil ? 0 : 1)
    guard received.descriptors.count == expected else {
      throw .missingDescriptors(expected: expected, received: received.descriptors.count)
    }
    var descriptors = received.descriptors[...]
    func map(_ name: String, _ size: Int) throws(GuestError) -> UnsafeMutableRawPointer {
      let descriptor = descriptors.removeFirst()
      defer { close(descriptor) }
      var information = stat()
      guard fstat(descriptor, &information) == 0, information.st_size >= size,
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
        memory != MAP_FAILED
      else { throw .badRegion(name) }
      return memory
    }
    let window = try map("portal", PortalWindow(portalCount: grant.portalCount).size)
    let status = try map("status", GuestStatus.size)
    var poolMemory: [UnsafeMutableRawPointer] = []
    for pool in grant.pools {
      poolMemory.append(try map("pool \(pool.bpid)", pool.byteCount))
    }
    let interrupts = Array(descriptors.prefix(grant.portalCount))
    let capture = grant.capture == nil ? -1 : descriptors.last ?? -1
    return GuestSession(
      grant: grant, window: window, status: status, poolMemory: poolMemory, control: control,
      interrupts: interrupts, capture: capture)
  }

  /// Tells the host what this guest is about.
  public func report(_ state: GuestStatus.State) {
    status.setCounter(GuestStatus.state, state.rawValue)
  }

  /// Counts a frame for the way that it came on, and keeps it in the guest's capture if there is one: what
  /// `dpaac run` shows of this guest.
  ///
  /// - Parameter buffer: A frame that was dequeued.
  /// - Returns: The way's place in ``GuestGrant/paths``; `nil` when the queue belongs to none.
  public mutating func noteArrival(_ buffer: borrowing Buffer) -> Int? {
    noteArrival(buffer, path: Int(buffer.context))
  }

  /// Counts and captures a frame that came on a path; `nil` when there is none such.
  @discardableResult
  mutating func noteArrival(_ buffer: borrowing Buffer, path: Int) -> Int? {
    if capture != nil { keep(buffer) }
    guard path < grant.paths.count else { return nil }
    status.addCounter(GuestStatus.received(path: path), 1)
    return path
  }

  private mutating func keep(_ buffer: borrowing Buffer) {
    let now = wallClockNanoseconds()
    if buffer.descriptor.isScattered {
      capture?.write(buffer.pieces(in: pools), nanoseconds: now)
    } else {
      capture?.write(UnsafeRawBufferPointer(buffer.frame), nanoseconds: now)
    }
  }

  /// Counts a frame for the way that it is sent on.
  public func noteDeparture(path: Int) { status.addCounter(GuestStatus.sent(path: path), 1) }

  /// What the host wants of a guest.
  public enum Request: Sendable {
    /// Nothing new.
    case none
    /// Send nothing more of your own accord; go on answering.
    case drain
    /// End: the control socket is closed.
    case end
  }

  /// The host's next request.
  public func takeRequest() -> Request { host.request }

  /// Wakes an engine that sleeps, which has to be where it shares its processor with a virtual machine. Who waits
  /// by ``waitForWork(atMost:orRoom:)``, or for a command's answer, has no need to; who goes round its portals without
  /// ever waiting may, when nothing has come.
  public func wakeEngine() { bell.ring() }

  /// Rests for a moment before a guest's program looks for work again. Nobody else of a virtual machine wants its
  /// processor; where somebody on its host does, it waits the sooner.
  ///
  /// Mutating, like what it calls: where the compiler (Swift 6.3) lends a session it copies all of it first.
  ///
  /// - Parameter rounds: How often it has found nothing.
  /// - Returns: `false` when that was so often that it should wait (``waitForWork(atMost:orRoom:)``).
  @inline(__always)
  mutating func rest(afterIdle rounds: Int) -> Bool {
    guard rounds < mostIdleRounds else { return false }
    if rounds == 1 {
      bell.ring()
    } else if rounds >= 64 {
      sched_yield()
    } else if looks > 0 {
      look()
    } else {
      dpaac_pause()
    }
    return true
  }

  /// Looks for a frame some times, which takes a translator less time than a round of a program that has nothing to do:
  /// what comes is found the sooner.
  @inline(__always)
  private mutating func look() {
    for _ in 0..<looks {
      for index in 0..<portals.count where portals.first[index].hasFrame { return }
    }
  }

  /// Sleeps until a portal's interrupt fires or the host asks this guest to end.
  ///
  /// Returns at once when work is already there, or when there are no interrupts to wait for; a virtual
  /// machine that polls naps for 0.05 ms once nothing has come for a quarter of a millisecond, and for 0.5 ms after ten
  /// milliseconds, so that others get its processor. Where those are more than there are processors
  /// (``GuestGrant/sharesProcessor``), it naps at once, and for up to a millisecond as long as much comes meanwhile.
  ///
  /// - Parameters:
  ///   - milliseconds: How long at most; -1 for ever.
  ///   - orRoom: Whether QMan's having taken most of what waits in an enqueue ring is work, too: for who has
  ///     something to send and no room for it.
  public mutating func waitForWork(atMost milliseconds: Int32 = -1, orRoom: Bool = false) {
    guard !interrupts.isEmpty else {
      if host.isWindow { nap() }
      return
    }
    bell.ring()
    for index in 0..<portals.count { portals[index].allowInterrupt(true, orRoom: orRoom) }
    defer { for index in 0..<portals.count { portals[index].allowInterrupt(false) } }
    for index in 0..<portals.count
    where portals[index].hasWork || orRoom && portals[index].hasRoomAgain { return }
    var descriptors = interrupts.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    descriptors.append(pollfd(fd: host.descriptor, events: Int16(POLLIN), revents: 0))
    _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    // As often as it fired; what a read leaves wakes this guest once more, for nothing.
    var fired: UInt64 = 0
    var isWoken = false
    for descriptor in descriptors.dropLast() where descriptor.revents != 0 {
      _ = read(descriptor.fd, &fired, 8)
      isWoken = true
    }
    if isWoken { status.addCounter(GuestStatus.Counter.wakeUps.offset, 1) }
  }

  /// Rests for a moment, or for longer when nothing has moved for a while.
  private mutating func nap() {
    var progress: UInt32 = 0
    for index in 0..<portals.count { progress &+= portals[index].progress }
    // Who naps has nothing new to tell the engine, and costs its processor less the longer it has been idle.
    guard let microseconds = patience.step(progress: progress, now: dpaac_short_clock()) else {
      bell.ring()
      sched_yield()
      return
    }
    usleep(microseconds)
  }
}
