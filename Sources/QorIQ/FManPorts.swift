/// A MAC with its receive and transmit port.
public struct NetworkInterface: Sendable, Hashable {
  /// The name: `fm1-gb0` for FMan 1's 1G MAC 0, `fm1-10g0` for its first 10G MAC.
  public var name: String
  /// The speed in Mbit/s: 1000 or 10000.
  public var speed: Int
  /// The MAC's `cell-index` in Linux's device trees.
  public var macIndex: UInt8
  /// The receive port's hardware id.
  public var receivePort: PortID
  /// The transmit port's hardware id.
  public var transmitPort: PortID
  /// The channel that the transmit port serves: a queue scheduled on it is transmitted.
  public var transmitChannel: ChannelID
  /// What the receive port adds to its FMan's LIODN base.
  public var liodnOffset: LIODNOffset?
  /// How the board connects the MAC: `phy-connection-type` of its device tree.
  public var connection: Connection?
  /// Whether the board enables the MAC: `status` in its device tree.
  public var isEnabled: Bool

  /// Ways from a MAC to the wire (Linux 6.1, bindings `net/ethernet-controller.yaml`).
  public enum Connection: String, Sendable, Hashable, CaseIterable {
    /// Parallel, 1G, pins of its own.
    case rgmii
    /// Parallel, 1G, with delays at the PHY's side.
    case rgmiiID = "rgmii-id"
    /// Parallel, 1G, with a delay on the receive side.
    case rgmiiReceive = "rgmii-rxid"
    /// Parallel, 1G, with a delay on the transmit side.
    case rgmiiTransmit = "rgmii-txid"
    /// Parallel, 1G or less.
    case gmii
    /// Parallel, 100M or less.
    case mii
    /// Serial, 100M or less.
    case rmii
    /// Ten-bit interface.
    case tbi
    /// A SerDes lane, 1G.
    case sgmii
    /// A SerDes lane, 2.5G.
    case sgmii2500 = "sgmii-2500"
    /// A SerDes lane, 2.5G.
    case base2500 = "2500base-x"
    /// A SerDes lane that four MACs share, 1G each.
    case qsgmii
    /// SerDes lanes, 10G; also written for XAUI and XFI.
    case xgmii
    /// Four SerDes lanes, 10G.
    case xaui
    /// A SerDes lane, 10G.
    case xfi
    /// A SerDes lane, 10G.
    case base10000 = "10gbase-r"

    /// Whether it needs SerDes lanes, so that the reset configuration decides whether the MAC has a
    /// wire.
    public var needsSerDes: Bool {
      switch self {
      case .rgmii, .rgmiiID, .rgmiiReceive, .rgmiiTransmit, .gmii, .mii, .rmii, .tbi: false
      case .sgmii, .sgmii2500, .base2500, .qsgmii, .xgmii, .xaui, .xfi, .base10000: true
      }
    }
  }

  /// Whether a MAC has a wire.
  public enum Availability: String, Sendable, Hashable {
    /// The board's tree enables it, and it has pins of its own.
    case wired
    /// The board's tree enables it; whether it gets its SerDes lanes, the reset configuration says.
    case serdes
    /// The board's tree enables it, but nobody has said how it is connected.
    case unknown
    /// The board's tree disables it.
    case disabled
  }

  /// Whether the MAC has a wire.
  public var availability: Availability {
    guard isEnabled else { return .disabled }
    guard let connection else { return .unknown }
    return connection.needsSerDes ? .serdes : .wired
  }

  /// The name within its FMan: `gb0` of `fm1-gb0`.
  public var key: String {
    name.firstIndex(of: "-").map { String(name[name.index(after: $0)...]) } ?? name
  }

  /// Creates an interface.
  public init(
    name: String, speed: Int, macIndex: UInt8, receivePort: PortID, transmitPort: PortID,
    transmitChannel: ChannelID, liodnOffset: LIODNOffset? = nil, connection: Connection? = nil,
    isEnabled: Bool = true
  ) {
    self.name = name
    self.speed = speed
    self.macIndex = macIndex
    self.receivePort = receivePort
    self.transmitPort = transmitPort
    self.transmitChannel = transmitChannel
    self.liodnOffset = liodnOffset
    self.connection = connection
    self.isEnabled = isEnabled
  }
}

/// An offline port: takes frames from its channel, parses and classifies them again.
public struct OfflinePort: Sendable, Hashable {
  /// The hardware port id.
  public var port: PortID
  /// The channel that the port serves.
  public var channel: ChannelID
  /// Whether the board's tree enables the port.
  public var isEnabled: Bool
  /// Creates an offline port.
  public init(port: PortID, channel: ChannelID, isEnabled: Bool = true) {
    self.port = port
    self.channel = channel
    self.isEnabled = isEnabled
  }
}
