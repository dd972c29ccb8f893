import Documents
import Partitioning
import QorIQ

// What keys are made of.

extension FMCPolicyFile {
  /// Refuses what a plan may ask for and FMC has no words for: its keys have bytes from the frame's start
  /// on only, and no masks where they are hashed (nxp-qoriq/fmc, `source/FMCPCDModel.cpp`).
  static func check(
    _ interface: SharedInterface, _ fman: FManBlock
  ) throws(GenerationError) {
    func refuse(_ bytes: FrameBytes, _ reason: String) -> GenerationError {
      .unprintable(
        artifact: "fmc/fm\(fman.index)-policy.xml",
        reason: "\(interface.name) has a rule with the bytes \(bytes.planText): \(reason)")
    }
    for rule in interface.rules {
      for case .bytes(let bytes, _) in rule.conditions where bytes.start != .frame {
        throw refuse(bytes, "FMC compares bytes from the frame's start on only")
      }
      for bytes in rule.spread?.hashKey.bytes ?? [] {
        guard bytes.start == .frame else {
          throw refuse(bytes, "FMC hashes bytes from the frame's start on only")
        }
        guard bytes.mask == FrameBytes.all(bytes.count) else {
          throw refuse(bytes, "FMC has no mask for bytes that are hashed")
        }
      }
    }
  }

  static func name(_ field: HashKey.Field, ip: String) -> String {
    switch field {
    case .ethernetDestination: "ethernet.dst"
    case .ethernetSource: "ethernet.src"
    case .vlanTag: "vlan.tci"
    case .etherType: "ethernet.type"
    case .ipSource: "\(ip).src"
    case .ipDestination: "\(ip).dst"
    case .ipProtocol: ip == "ipv6" ? "ipv6.nexthdr" : "ipv4.nextp"
    case .ipService: "\(ip).tos"
    case .securityIndex: "ipsec_esp.spi"
    case .l4Source: "tcp.sport"
    case .l4Destination: "tcp.dport"
    }
  }

  /// A field of a key, or bytes.
  static func keyElement(_ name: String) -> XMLNode {
    if let place = FMCMatchField.place(name) {
      return .element(
        "nonheader",
        [
          "source": "frame_start", "offset": String(place.offset), "size": String(place.size),
        ])
    }
    // The outermost tag's; without an index FMC takes any (nxp-qoriq/fmc, `source/FMCPCDModel.cpp`).
    return name == "vlan.tci"
      ? .element("fieldref", ["name": name, "header_index": "1"])
      : .element("fieldref", ["name": name])
  }
}
