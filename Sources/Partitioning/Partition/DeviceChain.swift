public import QorIQ

/// Queues that join a receive port with an accelerator, and the accelerator with who gets its answers.
///
/// The request queue leads into the accelerator's channel. Its owner puts it into service, since only that
/// knows its context A: a SEC descriptor's address, or PME's mode. The response queue is in service from the
/// start.
public struct DeviceChain: Sendable, Hashable {
  /// The name in the plan.
  public var name: String
  /// The accelerator.
  public var kind: AcceleratorKind
  /// The accelerator's channel.
  public var channel: ChannelID
  /// The queue that ports put frames into.
  public var request: FQID
  /// The queue for the accelerator's answers, which context B of the request queue names.
  public var response: FQID
  /// The set of patterns that PME looks for in each frame. A frame's descriptor says so in its last word, where
  /// FMan writes a status: that hardware can be made to write a scan there is not established.
  public var patternSet: UInt8?
  /// How answers leave; `nil` for those that come to the owner's portals.
  public var exit: Exit?

  /// The way of answers to a network: an offline port takes them from the response queue, puts a header in
  /// front and passes them on to the queue that transmits.
  ///
  /// Header insertion by an offline port behind SEC: NXP SDK, `dpaa_capwap_domain.c`
  /// (`e_FM_PCD_MANIP_INSRT_GENERIC`).
  public struct Exit: Sendable, Hashable {
    /// The interface that sends.
    public var interface: String
    /// The queue that transmits there.
    public var transmit: FQID
    /// The header in front of each answer.
    public var header: EthernetHeader
    /// The frame manager of the offline port, from 0.
    public var fman: Int
    /// The offline port.
    public var port: OfflinePort
    /// Creates an exit.
    public init(
      interface: String, transmit: FQID, header: EthernetHeader, fman: Int, port: OfflinePort
    ) {
      self.interface = interface
      self.transmit = transmit
      self.header = header
      self.fman = fman
      self.port = port
    }
  }

  /// Creates a chain.
  public init(
    name: String, kind: AcceleratorKind, channel: ChannelID, request: FQID, response: FQID,
    patternSet: UInt8? = nil, exit: Exit? = nil
  ) {
    self.name = name
    self.kind = kind
    self.channel = channel
    self.request = request
    self.response = response
    self.patternSet = patternSet
    self.exit = exit
  }

  /// The chain in a few words.
  var text: String {
    let set = patternSet.map { ", set \($0)" } ?? ""
    let end = exit.map {
      " and fm\($0.fman + 1)-oh\($0.port.port) to \($0.interface) as \($0.header)"
    }
    return "\(name) on \(request) by \(kind.rawValue)\(set) on \(response)\(end ?? "")"
  }

  /// Whether only the IP packet of a frame goes in: SEC's protocols know no Ethernet.
  public var takesPackets: Bool { kind == .sec }
}
