public import QorIQ

/// What a guest that forwards is told: its own addresses, and where networks are that it is not in.
public struct ForwardSettings: Sendable, Hashable {
  /// One of its own addresses.
  public struct Own: Sendable, Hashable {
    /// The way on which it has it, by its place in ``GuestGrant/paths``.
    public var path: Int
    /// The address and its network.
    public var prefix: NetworkPrefix
    /// Creates an address.
    public init(path: Int, prefix: NetworkPrefix) {
      self.path = path
      self.prefix = prefix
    }
  }

  /// Its own addresses.
  public var own: [Own]
  /// Its routes.
  public var routes: [NetworkRoute]

  /// Creates settings.
  public init(own: [Own], routes: [NetworkRoute]) {
    self.own = own
    self.routes = routes
  }
}
