import DPAAPortal
import Diagnostics
import Glibc
import Partitioning

/// Guests that end and start while a run goes on.
extension RunSession {
  /// What can be wanted of guests.
  private enum Verb: String, CaseIterable {
    case list, start, stop, kill, restart
  }

  /// Seconds that frames of a guest that has ended may take to leave.
  private static let leavePatience: UInt64 = 10

  /// Begins to do what somebody wants.
  mutating func take(_ request: ControlRequest, now: UInt64) {
    if let verb = request.words.first.flatMap(PlanVerb.init) {
      return take(verb, request, now: now)
    }
    guard let word = request.words.first, let verb = Verb(rawValue: word) else {
      let known = (Verb.allCases.map(\.rawValue) + PlanVerb.allCases.map(\.rawValue))
        .joined(separator: ", ")
      return request.answer(64, "error: a run knows \(known)\n")
    }
    if verb == .list { return request.answer(0, request.isJSON ? json.text + "\n" : table) }
    let name = request.words.count > 1 ? request.words[1] : ""
    guard let place = guests.firstIndex(where: { $0.name == name }) else {
      return request.answer(1, "error: \(whyNot(name))\n")
    }
    guard interruptedAt == 0 else { return request.answer(1, "error: the run is ending\n") }
    if errands.contains(where: { $0.guest == place }) {
      return request.answer(1, "error: \(name) is being started or ended already\n")
    }
    let isRunning = guests[place].ending == nil
    switch verb {
    case .start where isRunning:
      return request.answer(1, "error: \(name) runs; restart it, or stop it first\n")
    case .stop where !isRunning, .kill where !isRunning:
      return request.answer(1, "error: \(name) does not run: \(ending(of: place))\n")
    case .kill: guests[place].kill()
    case .stop, .restart: if isRunning { guests[place].askToEnd() }
    case .list, .start: break
    }
    errands.append(
      GuestErrand(
        request: request, guest: place, startsAgain: verb == .start || verb == .restart,
        step: .ending, deadline: now + options.patience * 1_000_000))
  }

  private func whyNot(_ name: String) -> String {
    let names = guests.map(\.name)
    if machines.owners.contains(where: { configuration.owners[$0].name == name }) {
      return "\(name) is a machine that somebody else starts and ends"
    }
    if inlineOwner.map({ configuration.owners[$0].name }) == name {
      return "\(name) runs on the engine's thread, and ends with the run"
    }
    let nearest = nearestName(to: name, in: names).map { "; did you mean \($0)?" } ?? ""
    return "the run has no guest \(name), but \(names.joined(separator: ", "))\(nearest)"
  }

  private func ending(of place: Int) -> String { guests[place].ending?.description ?? "it runs" }

  /// Goes on with what is under way.
  mutating func followErrands(now: UInt64) {
    for index in errands.indices.reversed() {
      let place = errands[index].guest
      do throws(EngineError) {
        guard try follow(index, now: now) else { continue }
        errands[index].request.answer(0, "\(guests[place].name): \(state(at: place))\n")
      } catch {
        errands[index].request.answer(1, "error: \(error)\n")
      }
      errands.remove(at: index)
    }
  }

  /// Takes an errand further; `true` when it is done.
  ///
  /// - Throws: ``EngineError`` when it comes to nothing.
  private mutating func follow(_ place: Int, now: UInt64) throws(EngineError) -> Bool {
    let errand = errands[place]
    let guest = guests[errand.guest]
    func giveUp(_ problem: String) throws(EngineError) {
      if now >= errand.deadline { throw .guest(guest.name, problem) }
    }
    switch errand.step {
    case .ending:
      guard guest.ending != nil else {
        try giveUp("did not end within \(options.patience) ms; kill ends it at once")
        return false
      }
      errands[place].step = .reclaiming
      return false
    case .reclaiming:
      // The engine's next round does it.
      guard engine.control.isReclaimed(owner: guest.owner) else { return false }
      guard errand.startsAgain else { return true }
      try engine.bringBack(owner: guest.owner)
      errands[place].step = .returning
      errands[place].deadline = now + Self.leavePatience * 1_000_000_000
      return false
    case .returning:
      if engine.control.isGone(owner: guest.owner) {
        guard now >= errand.deadline, engine.giveUpReturn(owner: guest.owner) else { return false }
        try giveUp("what it sent has not left yet, so its memory cannot be given up; try again")
      }
      try startAnew(errand.guest)
      errands[place].step = .starting
      errands[place].deadline = now + patience(withOwner: guest.owner) * 1_000_000_000
      return false
    case .starting:
      if guest.ending != nil {
        throw late(guest, "\(ending(of: errand.guest)) before it attached to its portals")
      }
      guard state(of: guest) == .starting else { return true }
      guard now >= errand.deadline else { return false }
      guest.kill()
      throw late(
        guest, "did not attach to its portals within \(patience(withOwner: guest.owner)) s")
    }
  }

  /// Gives up what is under way for owners that are to come back, as the run ends: each is gone then, and what its
  /// last life held taken back.
  mutating func abandonReturns() {
    for errand in errands where errand.step == .returning {
      let owner = guests[errand.guest].owner
      guard !engine.giveUpReturn(owner: owner) else { continue }
      // The engine has taken the wish: that the owner is back comes first, or it wipes this end away.
      while engine.control.isGone(owner: owner), engine.isRunning { usleep(50) }
      engine.control.markGone(owner: owner)
    }
  }

  /// Starts a guest with its capture. One that comes while the run drains hears of that at once.
  mutating func launch(_ owner: Int) throws(EngineError) -> GuestProcess {
    let capture = try openCapture(ofOwner: owner)
    defer { if capture >= 0 { Glibc.close(capture) } }
    let guest = try launch(owner, capture: capture)
    if interruptedAt != 0 { guest.askToDrain() }
    return guest
  }

  /// Starts the next life of a guest whose owner is in service again.
  private mutating func startAnew(_ place: Int) throws(EngineError) {
    let owner = guests[place].owner
    do throws(EngineError) {
      let next = try launch(owner)
      guests[place].close()
      guests[place] = next
      gone.remove(owner)
    } catch {
      // Nobody is there to serve its queues.
      engine.control.markGone(owner: owner)
      throw error
    }
  }

  // MARK: What there is

  /// How a guest is.
  private func state(at place: Int) -> String {
    if let errand = errands.first(where: { $0.guest == place }), errand.step != .starting,
      errand.startsAgain, guests[place].ending != nil
    {
      return "returning"
    }
    guard guests[place].ending == nil else { return ending(of: place) }
    return switch state(of: guests[place]) {
    case .starting: "starting"
    case .running: "running"
    case .quiet: "answering"
    case .ended: "ending"
    }
  }

  private var rows: [(guest: GuestProcess, owner: Owner, state: String, starts: UInt64)] {
    guests.indices.map { place in
      let guest = guests[place]
      return (
        guest, configuration.owners[guest.owner], state(at: place),
        UInt64(engine.pasts[guest.owner].lives + 1)
      )
    }
  }

  private func counter(_ counter: GuestStatus.Counter, of owner: Int) -> UInt64 {
    engine.memory[owner].status.memory.counter(counter.offset)
  }

  private var table: String {
    var table = TextTable([
      ("guest", .left), ("kind", .left), ("program", .left), ("process", .right),
      ("starts", .right), ("received", .right), ("sent", .right), ("state", .left),
    ])
    for row in rows {
      table.add([
        row.guest.name, "\(row.owner.kind)", row.owner.program.word,
        row.guest.ending == nil ? "\(row.guest.identifier)" : "", "\(row.starts)",
        "\(counter(.received, of: row.guest.owner))", "\(counter(.sent, of: row.guest.owner))",
        row.state,
      ])
    }
    return table.text
  }

  private var json: JSONValue {
    [
      "plan": .string(configuration.name),
      "guests": .array(
        rows.map { row in
          [
            "name": .string(row.guest.name), "kind": .string("\(row.owner.kind)"),
            "program": .string(row.owner.program.word),
            "process": row.guest.ending == nil ? JSONValue(row.guest.identifier) : .null,
            "starts": JSONValue(row.starts),
            "received": JSONValue(counter(.received, of: row.guest.owner)),
            "sent": JSONValue(counter(.sent, of: row.guest.owner)), "state": .string(row.state),
          ]
        }),
    ]
  }
}
