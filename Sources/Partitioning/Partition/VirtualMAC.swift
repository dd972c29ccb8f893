public import QorIQ

/// One of a mainline guest's ways as a MAC of a virtual frame manager: where its tree says that the
/// MAC is, the runtime serves it.
///
/// The virtual block is of the third version whatever the board has, as MACs of the earlier ones need
/// a PHY of their own that Linux's driver talks to.
public struct VirtualMAC: Sendable, Hashable {
  /// Which of the owner's ways it is.
  public var path: Int
  /// The frame manager's index, from 0.
  public var frameManager: Int
  /// Its number among the block's MACs; those of 10G follow eight of 1G.
  public var index: Int
  /// Whether it is one of 10G.
  public var isFast: Bool
  /// The hardware number of its receive port.
  public var receivePort: PortID
  /// The hardware number of its transmit port.
  public var transmitPort: PortID
  /// The channel of its transmit port, as the driver of Linux counts.
  public var transmitChannel: ChannelID

  /// Where its registers lie in the block (Linux 6.1, `arch/powerpc/boot/dts/fsl/qoriq-fman3-0-*.dtsi`).
  public var offset: Int { 0xe_0000 + 0x2000 * index }
  /// Where the registers of a port lie in the block: a page each, by the port's number.
  public static func offset(of port: PortID) -> Int { 0x8_0000 + 0x1000 * Int(port.rawValue) }

  /// The ports of a block of the third version in the order of their channels (Linux 6.1,
  /// `drivers/net/ethernet/freescale/fman/fman.c`, `fman_get_qman_channel_id`).
  private static let channelOrder: [UInt16] = [
    0x30, 0x31, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d,
  ]

  /// A MAC of a block; `nil` where the block has no channel for it.
  init?(
    path: Int, of fman: FManBlock, index: Int, isFast: Bool, receivePort: PortID,
    transmitPort: PortID
  ) {
    guard let channels = fman.channels,
      let place = Self.channelOrder.firstIndex(of: UInt16(transmitPort.rawValue)),
      Int(channels.lowerBound.rawValue) + place <= Int(channels.upperBound.rawValue)
    else { return nil }
    self.path = path
    frameManager = fman.index
    self.index = index
    self.isFast = isFast
    self.receivePort = receivePort
    self.transmitPort = transmitPort
    transmitChannel = ChannelID(channels.lowerBound.rawValue + UInt16(place))
  }
}

extension Partition {
  /// The virtual MACs of an owner, block by block: its interfaces with the numbers of the board, then
  /// its links as 1G MACs that are left over, of which the third version has six. None for an owner
  /// whose drivers are not mainline Linux's.
  public func virtualMACs(of owner: Int) -> [VirtualMAC] {
    guard owners[owner].os == .linuxMainline else { return [] }
    return board.fmans.flatMap { virtualMACs(of: owner, on: $0) }
  }

  private func virtualMACs(of owner: Int, on fman: FManBlock) -> [VirtualMAC] {
    let paths = owners[owner].paths
    var macs: [VirtualMAC] = []
    for (path, way) in paths.enumerated() where !way.isLink {
      guard let interface = fman.interfaces.first(where: { $0.name == way.name }),
        let mac = VirtualMAC(
          path: path, of: fman, index: Int(interface.macIndex), isFast: interface.speed > 1000,
          receivePort: interface.receivePort, transmitPort: interface.transmitPort)
      else { continue }
      macs.append(mac)
    }
    var free = (0..<6).filter { index in !macs.contains { $0.index == index } }[...]
    for (path, way) in paths.enumerated() where way.isLink {
      let link = links.first { $0.from == owner && owners[$0.to].name == way.name }
      guard link?.fman == fman.index, let index = free.first,
        let mac = VirtualMAC(
          path: path, of: fman, index: index, isFast: false,
          receivePort: PortID(UInt8(0x08 + index)), transmitPort: PortID(UInt8(0x28 + index)))
      else { continue }
      free = free.dropFirst()
      macs.append(mac)
    }
    return macs
  }
}
