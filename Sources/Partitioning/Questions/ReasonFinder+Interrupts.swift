import QorIQ

/// Whose an interrupt line is.
extension ReasonFinder {
  mutating func interrupt(_ number: UInt32) -> String {
    let board = partition.board
    let managers = [("QMan", board.qman.portals), ("BMan", board.bman.portals)]
    for (manager, portals) in managers {
      for portal in portals where portal.interrupt.rawValue == number {
        let owner = partition.owners.firstIndex { $0.portals.contains(portal.index) }
        let what = "it is the line of \(manager) portal \(portal.index)"
        guard let owner else {
          say("\(what), which nobody has")
          continue
        }
        own(owner)
        let name = partition.owners[owner].name
        say("\(what), which is \(name)'s", at: wish(owner).map { ClaimPath.portals($0) })
        guard partition.resources[owner].mode == .interrupt else {
          say("\(name) polls, and does not wait for it")
          continue
        }
        say(
          partition.owners[owner].isHost
            ? "\(name) waits for it" : "the host passes it on to \(name), which waits for it",
          at: wish(owner).map { ClaimPath.mode($0) })
      }
    }
    for (block, line) in blockLines where line?.rawValue == number {
      say("it is the line of \(block), which the host controls")
    }
    if facts.isEmpty { say("no portal and no block of \(board.name) is known to have it") }
    return "interrupt \(number)"
  }

  private var blockLines: [(block: String, line: InterruptSource?)] {
    let board = partition.board
    let sec = board.accelerators.sec
    return board.fmans.map { ("FMan \($0.index + 1)", $0.interrupt) }
      + [("SEC", sec?.interrupt), ("PAMU", board.pamu?.interrupt)]
      + (sec?.jobRings ?? []).map { ("SEC job ring \($0.index)", $0.interrupt) }
  }
}
