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

  /// A way to a network.
  public struct Route: Sendable, Hashable {
    /// The network.
    public var to: NetworkPrefix
    /// The router that it is reached by, in one of the guest's own networks.
    public var via: NetworkAddress
    /// Creates a route.
    public init(to: NetworkPrefix, via: NetworkAddress) {
      self.to = to
      self.via = via
    }
  }

  /// Its own addresses.
  public var own: [Own]
  /// Its routes.
  public var routes: [Route]
  /// The most addresses and routes together that a grant has room for.
  public static let limit = 1024

  /// Creates settings.
  public init(own: [Own], routes: [Route]) {
    self.own = own
    self.routes = routes
  }
}
