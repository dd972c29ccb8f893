/// Which interfaces are the ends of loops.
struct LoopPlan: ~Copyable {
  private var ends: [String: LoopLine] = [:]
  private var peers: [String: String] = [:]

  /// Makes the loops among interfaces.
  ///
  /// - Parameters:
  ///   - lines: What each interface is connected with.
  ///   - replays: The capture that each interface plays.
  ///   - interfaces: The names that there are.
  /// - Throws: ``EngineError`` when an end is missing, or is connected otherwise.
  init(
    _ lines: [String: PortAddress], replays: [String: String], _ interfaces: [String]
  ) throws(EngineError) {
    var peers: [String: String] = [:]
    for (name, address) in lines.sorted(by: { $0.key < $1.key }) {
      guard case .loop(let peer) = address else { continue }
      guard interfaces.contains(peer) else {
        throw .line(
          name, "\(address)",
          "the plan has no interface \(peer), but \(interfaces.joined(separator: ", "))")
      }
      if let other = lines[peer], peer != name, other != .loop(name) {
        throw .line(name, "\(address)", "\(peer) is connected with \(other) already")
      }
      if let capture = replays[peer] {
        throw .line(name, "\(address)", "\(peer) plays \(capture) already")
      }
      if let other = peers[peer], other != name {
        throw .line(name, "\(address)", "\(peer) is at the other end of \(other) already")
      }
      peers[name] = peer
      peers[peer] = name
    }
    for (name, peer) in peers where name <= peer {
      if name == peer {
        ends[name] = LoopLine.ownEnd()
      } else {
        let (left, right) = LoopLine.pair()
        (ends[name], ends[peer]) = (left, right)
      }
    }
    self.peers = peers
  }

  /// The interface's end, which is the caller's from now on.
  mutating func takeEnd(of interface: String) -> (LoopLine, PortAddress)? {
    guard let end = ends.removeValue(forKey: interface), let peer = peers[interface] else {
      return nil
    }
    return (end, .loop(peer))
  }

  // Ends that nobody took, since a port before them could not be made.
  deinit { for end in ends.values { end.close() } }
}
