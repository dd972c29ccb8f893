import DeviceTree
import Partitioning
import QorIQ

/// A block of the board that works on frames of a partition.
struct ConnectedBlock {
  /// `fman0`, `crypto`, `pme`: what the portal's child and the block's label are called (Linux 6.1,
  /// `Documentation/devicetree/bindings/soc/fsl/qman-portals.txt`).
  let name: String
  /// With which it works for this partition: its bases plus the partition's offset. None where
  /// nobody has said the bases.
  let liodns: [LIODN]
  /// The properties by which software knows it.
  let properties: [Property]
}

// The blocks behind the guest's queues: frame managers and accelerators. Their registers stay with
// the host; the guest has handles, which its portals refer to.

extension GuestTree {
  /// The frame managers that the guest's ways lead over, and the accelerators that it uses.
  var connectedBlocks: [ConnectedBlock] {
    board.fmans.filter { ownFrameManagers.contains($0.index) }.map { fman in
      ConnectedBlock(
        name: "fman\(fman.index)", liodns: liodns(fman.liodnBase.map { [$0] } ?? []),
        properties: frameManagerProperties(fman))
    } + resources.accelerators.map(accelerator)
  }

  /// The frame managers, by index, that the guest's interfaces and links are on.
  var ownFrameManagers: Set<Int> {
    let names = Set(owner.paths.filter { !$0.isLink }.map(\.name))
    return Set(
      partition.interfaces.filter { names.contains($0.name) }.map(\.fman)
        + partition.links.filter { $0.from == ownerIndex }.map(\.fman))
  }

  private func liodns(_ bases: [LIODN]) -> [LIODN] {
    bases.map { Board.liodn($0, LIODNOffset(owner.liodnOffset)) }
  }

  private func frameManagerProperties(_ fman: FManBlock) -> [Property] {
    // Linux 6.1, `Documentation/devicetree/bindings/net/fsl-fman.txt`.
    [
      Property("compatible", .string("fsl,fman")),
      Property("cell-index", .cell(UInt32(fman.index))),
    ]
      + (fman.channels.map { channels in
        [Property("fsl,qman-channel-range", channelRange(channels))]
      } ?? [])
  }

  /// The first channel of a frame manager's ports, and how many there are.
  func channelRange(_ channels: ClosedRange<ChannelID>) -> PropertyValue {
    let first = UInt32(channels.lowerBound.rawValue)
    return .cells([first, UInt32(channels.upperBound.rawValue) - first + 1])
  }

  private func accelerator(_ use: AcceleratorUse) -> ConnectedBlock {
    var properties: [Property] = []
    switch use.kind {
    case .sec:
      // Linux 6.1, `Documentation/devicetree/bindings/crypto/fsl-sec4.txt`.
      let version = board.accelerators.sec.map { "fsl,sec-v\($0.version)" } ?? "fsl,sec-v4.0"
      let generic = "fsl,sec-v4.0"
      properties.append(
        Property("compatible", .strings(version == generic ? [generic] : [version, generic])))
      if let era = board.accelerators.sec?.era {
        properties.append(Property("fsl,sec-era", .cell(UInt32(era))))
      }
    case .pme: properties.append(Property("compatible", .string("fsl,pme")))
    }
    properties.append(Property("fsl,qman-channel-id", .cell(UInt32(use.channel.rawValue))))
    // No binding tells which queues lead to an accelerator: SDK programs hand such numbers to each
    // other. Request i is answered on response i.
    properties.append(
      Property("dpaac,request-queues", .cells(use.requests.map(\.rawValue))))
    properties.append(
      Property("dpaac,response-queues", .cells(use.responses.map(\.rawValue))))
    // A chain's two queues each: who has the descriptor has to put the first into service.
    let chains = resources.chains.filter { $0.kind == use.kind }
    if !chains.isEmpty {
      properties.append(Property("dpaac,chains", .strings(chains.map(\.name))))
      properties.append(
        Property(
          "dpaac,chain-queues",
          .cells(chains.flatMap { [$0.request.rawValue, $0.response.rawValue] })))
    }
    return ConnectedBlock(
      name: use.kind.nodeName, liodns: use.liodns, properties: properties)
  }

  /// The blocks as nodes without registers, for the portals to refer to.
  ///
  /// `reserved` says that somebody else drives the block (Devicetree Specification 0.4, 2.3.4): a
  /// kernel makes no device of it.
  func handles(_ blocks: [ConnectedBlock]) -> Node? {
    guard hasResourceNodes, !blocks.isEmpty else { return nil }
    return Node("dpaa-blocks") { node in
      for block in blocks {
        node.add(block.name, labels: [block.name]) {
          $0.properties += block.properties
          $0.set("status", "reserved")
        }
      }
    }
  }
}
