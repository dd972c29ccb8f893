import CPortalShims
import DPAAPortal
import Diagnostics
import Glibc
import Partitioning

/// From one plan to another while a run goes on.
extension RunSession {
  /// Does what somebody wants of the plan.
  mutating func take(_ verb: PlanVerb, _ request: ControlRequest, now: UInt64) {
    guard interruptedAt == 0 else { return request.answer(1, "error: the run is ending\n") }
    if let next = plans.next {
      return request.answer(
        1,
        "error: the patterns of \(next.wish.partition.name) are being compiled; say it again when that is "
          + "done\n")
    }
    guard verb == .confirm || errands.isEmpty else {
      return request.answer(
        1, "error: a guest is being started or ended; say it again when that is done\n")
    }
    switch verb {
    case .apply: apply(request, now: now)
    case .confirm:
      guard plans.unconfirmed != nil else {
        return request.answer(1, "error: no plan waits to be confirmed\n")
      }
      plans.unconfirmed = nil
      request.answer(0, "confirmed: \(configuration.name)\n")
    case .revert:
      guard let before = plans.unconfirmed else {
        return request.answer(
          1, "error: no plan waits to be confirmed; apply the old one with dpaac apply\n")
      }
      finish(request, within: nil) { (session) throws(EngineError) in
        try session.goBack(to: before)
      }
    }
  }

  /// Goes back to the plan before when nobody has confirmed the new one in time.
  mutating func goBackUnlessConfirmed(now: UInt64) {
    guard let unconfirmed = plans.unconfirmed, now >= unconfirmed.deadline, errands.isEmpty,
      interruptedAt == 0
    else { return }
    options.say("revert \(configuration.name), which nobody has confirmed")
    do throws(EngineError) {
      _ = try goBack(to: unconfirmed)
      plans.unconfirmed = nil
    } catch {
      // It stays as it is, and can still be confirmed.
      options.say("revert failed, tried again in \(Self.secondsToNextRevert) s: \(error)")
      plans.unconfirmed?.deadline =
        monotonicNanoseconds() + Self.secondsToNextRevert * 1_000_000_000
    }
  }

  private static let secondsToNextRevert: UInt64 = 60
  private static let secondsToConfirm: ClosedRange<UInt64> = 1...86400

  /// Takes up the words `apply PATH [dry-run | within SECONDS]`.
  private mutating func apply(_ request: ControlRequest, now: UInt64) {
    guard let before = plans.current, let read = options.readPlan else {
      return request.answer(1, "error: this run cannot read plans; one that dpaac run began can\n")
    }
    guard plans.unconfirmed == nil else {
      return request.answer(
        1, "error: \(configuration.name) waits to be confirmed; confirm or revert it first\n")
    }
    let words = request.words
    guard words.count > 1 else { return request.answer(64, "error: apply which plan?\n") }
    let isDry = words.dropFirst(2) == ["dry-run"]
    var seconds = words.count == 4 && words[2] == "within" ? UInt64(words[3]) : nil
    guard words.count == 2 || isDry || seconds.map(Self.secondsToConfirm.contains) == true else {
      return request.answer(
        64,
        "error: behind a plan there may be dry-run, or within and 1 to 86400 seconds\n")
    }
    // The run waits for nobody who writes into a pipe or types at its terminal.
    var status = stat()
    guard stat(words[1], &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return request.answer(
        1, "error: \(words[1]) is no file that the run could read, too; write the plan into one\n")
    }
    let next: Partition
    let way: RunPlans.Way
    switch read(words[1], before, request.isJSON) {
    case .failure(let refusal): return request.answer(1, refusal.text)
    case .success(let partition):
      do throws(EngineError) {
        next = try partition.holdingKeys(options.resolve)
        way = try self.way(to: next)
      } catch {
        return request.answer(1, "error: \(error)\n")
      }
    }
    guard !isDry else {
      return finish(request, within: nil, isDry: true) { _ in way.rows }
    }
    // What changes nothing needs no way back.
    if next == before { seconds = nil }
    let wish = RunPlans.Wish(request: request, partition: next, seconds: seconds, way: way)
    let known = engine.compiledPatterns
    guard !way.change.keepsPatterns, PatternSets.areLacking(in: known, for: way.change.new) else {
      return fulfil(wish, knowing: [])
    }
    plans.next = RunPlans.Next(
      wish: wish,
      patterns: .start(way.change.new, knowing: known, options.compilePatterns))
  }

  /// Goes over to the plan whose patterns were to be compiled first, once they are.
  mutating func followPlan() {
    guard let next = plans.next else { return }
    guard interruptedAt == 0 else {
      plans.next = nil
      return next.wish.request.answer(1, "error: the run is ending\n")
    }
    // Guests may have been told to end or to start meanwhile.
    guard errands.isEmpty, let outcome = next.patterns.outcome else { return }
    plans.next = nil
    switch outcome {
    case .success(let sets): fulfil(next.wish, knowing: sets.compiled)
    case .failure(let error): next.wish.request.answer(1, "error: \(error)\n")
    }
  }

  /// Goes over to a plan that somebody wants, and answers.
  ///
  /// - Parameters:
  ///   - wish: The plan.
  ///   - compiled: Those of its patterns that the run has not had yet.
  private mutating func fulfil(_ wish: RunPlans.Wish, knowing compiled: [PatternSets.Compiled]) {
    let (before, patterns) = (plans.current, engine.compiledPatterns)
    finish(wish.request, within: wish.seconds) { (session) throws(EngineError) in
      try session.goOver(to: wish.partition, wish.way, knowing: compiled)
    }
    if let seconds = wish.seconds, let before, plans.current == wish.partition {
      plans.unconfirmed = RunPlans.Unconfirmed(
        partition: before, patterns: patterns,
        deadline: monotonicNanoseconds() + seconds * 1_000_000_000)
    }
  }

  /// Does something and answers with what came of it.
  private mutating func finish(
    _ request: ControlRequest, within seconds: UInt64?, isDry: Bool = false,
    _ work: (inout RunSession) throws(EngineError) -> [PartitionDifference.Change]
  ) {
    do throws(EngineError) {
      let rows = try work(&self)
      if !isDry { plans.unconfirmed = nil }
      guard !request.isJSON else {
        let answer: JSONValue = [
          "plan": .string(plans.current?.name ?? ""), "applied": .bool(!isDry),
          "confirmWithin": seconds.map { JSONValue($0) } ?? .null,
          "partitions": PartitionDifference.json(rows),
        ]
        return request.answer(0, answer.text + "\n")
      }
      let wait = seconds.map {
        "\nThe plan before comes back in \($0) s, unless: dpaac apply --confirm\n"
      }
      request.answer(0, PartitionDifference.table(rows) + (wait ?? ""))
    } catch {
      request.answer(1, "error: \(error)\n")
    }
  }

  // MARK: The way

  /// The way from the run's plan to another.
  ///
  /// - Throws: ``EngineError/transition(_:)`` when there is none while the run goes on.
  private func way(to next: Partition) throws(EngineError) -> RunPlans.Way {
    guard let before = plans.current else { throw .transition("the run's plan is not known") }
    let difference = PartitionDifference(from: before, to: next)
    var wanted = RuntimeConfiguration(next)
    wanted.isMeasured = configuration.isMeasured
    wanted.processors = configuration.processors
    var restarting: [String: String] = [:]
    for change in difference.changes where change.fate == .restarted {
      restarting[change.name] = change.reasons.first ?? ""
    }
    let change = try ConfigurationChange(
      from: configuration, to: wanted, restarting: restarting)
    for owner in change.ending + change.starting where machines.owners.contains(owner) {
      throw .transition(
        "\(change.new.owners[owner].name) is a machine that somebody else starts and ends; keep what it has, or "
          + "start the run anew")
    }
    if let inlineOwner, (change.ending + change.starting).contains(inlineOwner) {
      throw .transition(
        "\(change.new.owners[inlineOwner].name) runs on the engine's thread, and cannot end before the run; keep "
          + "what it has, or start the run anew")
    }
    for owner in change.starting where options.image == nil {
      guard case .machine = change.new.owners[owner].kind else { continue }
      throw .transition(
        "\(change.new.owners[owner].name) is a virtual machine, and the run was started without --guest-image"
      )
    }
    let rows = difference.changes.map { row in
      guard let place = change.new.owners.firstIndex(where: { $0.name == row.name }) else {
        return row
      }
      var row = row
      row.fate = PartitionDifference.Fate(change.fates[place]) ?? row.fate
      if case .restarted(let reason) = change.fates[place], restarting[row.name] == nil {
        row.reasons.append(reason)
      }
      return row
    }
    return RunPlans.Way(change: change, rows: rows)
  }

  /// Goes back to the plan before one that is not confirmed.
  private mutating func goBack(
    to before: RunPlans.Unconfirmed
  ) throws(EngineError) -> [PartitionDifference.Change] {
    try goOver(
      to: before.partition, try way(to: before.partition), knowing: before.patterns)
  }

  /// Goes over to a partition, all of it or not at all.
  ///
  /// - Parameters:
  ///   - next: The partition.
  ///   - way: The way to it.
  ///   - compiled: Those of its patterns that are not looked for now.
  /// - Returns: What happened to each partition.
  /// - Throws: ``EngineError`` when it cannot be; then the run has the plan that it had.
  private mutating func goOver(
    to next: Partition, _ way: RunPlans.Way, knowing compiled: [PatternSets.Compiled]
  ) throws(EngineError) -> [PartitionDifference.Change] {
    let change = way.change
    // Those of the plan before, too: going back to it is not the time to compile them.
    let known = engine.compiledPatterns + compiled
    do throws(EngineError) {
      try go(change, knowing: known)
    } catch {
      // What has not begun is as it was, and a run that ends goes back to nothing.
      guard configuration == change.new, interruptedAt == 0 else { throw error }
      do throws(EngineError) {
        // All that were to start are not there, or not as they were, whatever their plans say.
        var restarting: [String: String] = [:]
        for owner in change.starting { restarting[change.new.owners[owner].name] = "going back" }
        try go(
          try ConfigurationChange(from: change.new, to: change.old, restarting: restarting),
          knowing: known)
      } catch let second {
        throw .transition("\(error); and going back failed: \(second)")
      }
      throw error
    }
    plans.current = next
    return way.rows
  }

  private mutating func go(
    _ change: ConfigurationChange, knowing known: [PatternSets.Compiled]
  ) throws(EngineError) {
    // Whatever may be lacking is known before anybody is ended. Nothing is left to be compiled.
    var patterns: PatternSets?
    if !change.keepsPatterns { patterns = try options.compilePatterns(change.new, known) }
    let next = try EngineSuccessor(to: engine, change, patterns: patterns)
    end(change.ending)
    engine.apply(next)
    try begin(change.starting)
  }

  /// Ends owners' guests, and kills those that do not end as they are asked.
  private mutating func end(_ owners: [Int]) {
    let places = guests.indices.filter { owners.contains(guests[$0].owner) }
    for place in places where guests[place].ending == nil { guests[place].askToEnd() }
    let deadline = monotonicNanoseconds() + options.patience * 1_000_000
    while places.contains(where: { guests[$0].ending == nil }) {
      waitForEvent(milliseconds: 5, hearsRequests: false)
      noticeEndings()
      guard monotonicNanoseconds() >= deadline else { continue }
      for place in places where guests[place].ending == nil { guests[place].kill() }
    }
    for place in places.reversed() {
      guests[place].close()
      guests.remove(at: place)
    }
    gone.subtract(owners)
  }

  /// Starts owners' guests, and waits until they have attached to their portals.
  private mutating func begin(_ owners: [Int]) throws(EngineError) {
    guard !owners.isEmpty else { return }
    defer { guests.sort { $0.owner < $1.owner } }
    do throws(EngineError) {
      for owner in owners { guests.append(try launch(owner)) }
    } catch {
      // Nobody is there to serve their queues, and who wants them can have them started.
      for owner in owners where !guests.contains(where: { $0.owner == owner }) {
        guests.append(GuestProcess(unstarted: owner, name: configuration.owners[owner].name))
        gone.insert(owner)
        engine.control.markGone(owner: owner)
      }
      throw error
    }
    var seconds: UInt64 = 0
    for owner in owners { seconds = max(seconds, patience(withOwner: owner)) }
    let deadline = monotonicNanoseconds() + seconds * 1_000_000_000
    while let place = firstStarting(among: owners) {
      guard guests[place].ending == nil else {
        throw late(
          guests[place],
          "\(guests[place].ending?.description ?? "") before it attached to its portals")
      }
      guard monotonicNanoseconds() < deadline else {
        throw late(guests[place], "did not attach to its portals within \(seconds) s")
      }
      // A machine takes its time to boot; who ends the run does not wait for it.
      guard interruptedAt == 0 else { throw .ended("the new plan's guests had started") }
      waitForEvent(milliseconds: 1, hearsRequests: false)
      noticeEndings()
    }
  }

  private func firstStarting(among owners: [Int]) -> Int? {
    guests.firstIndex { owners.contains($0.owner) && state(of: $0) == .starting }
  }
}

extension PartitionDifference.Fate {
  /// What happened to an owner; `nil` for one that is in neither plan.
  fileprivate init?(_ fate: ConfigurationChange.Fate) {
    switch fate {
    case .untouched: self = .untouched
    case .drained: self = .drained
    case .restarted: self = .restarted
    case .added: self = .added
    case .removed: self = .removed
    case .absent: return nil
    }
  }
}
