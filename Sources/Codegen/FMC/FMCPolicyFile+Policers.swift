import Documents
import Partitioning
import QorIQ

// Policers in FMC's words. Rates are in kbit/s or frames in a second, bursts in bytes or frames
// (fmlib, `include/fmd/Peripherals/fm_pcd_ext.h`, `t_FmPcdPlcrNonPassthroughAlgParams`).

extension FMCPolicyFile {
  /// A policer of this frame manager by its profile.
  func settings(_ profile: Int) -> PolicerProfile? {
    partition.policers.first { $0.fman == fman.index && $0.profile == profile }
  }

  func policerName(_ policer: PolicerProfile) -> String {
    let digits = String(policer.profile)
    return "r" + String(repeating: "0", count: max(3 - digits.count, 0)) + digits + "_"
      + String(policer.settings.name.prefix(24))
  }

  /// The policers that are used. One that counts the frames of several ports together is shared:
  /// FMC makes one of each for every port otherwise.
  func policers() -> [XMLNode] {
    policed.keys.sorted().compactMap { profile in
      guard let policer = settings(profile) else { return nil }
      let settings = policer.settings
      let bitsPerUnit: UInt64 = settings.counting == .bytes ? 1000 : 1
      func number(_ name: String, _ value: UInt64) -> XMLNode {
        .element(name, text: "\(min(value, UInt64(UInt32.max)))")
      }
      func rate(_ name: String, _ value: UInt64) -> XMLNode {
        // Never 0, which would let nothing through.
        number(name, max((value + bitsPerUnit / 2) / bitsPerUnit, 1))
      }
      var children: [XMLNode] = [
        .element("algorithm", text: settings.algorithm == .rfc2698 ? "rfc2698" : "rfc4115"),
        .element("color_mode", text: settings.isColourAware ? "color_aware" : "color_blind"),
        .element("unit", text: settings.counting == .bytes ? "byte" : "packet"),
        rate("CIR", settings.committedRate), rate("EIR", settings.excessRate),
        number("CBS", settings.committedBurst), number("EBS", settings.excessBurst),
      ]
      for colour in FrameColour.allCases where settings.drops.contains(colour) {
        children.append(
          .element("action", ["condition": "on-\(colour.rawValue)", "type": "drop"]))
      }
      var element = XMLElement("policer", ["name": policerName(policer)], children)
      if policed[profile, default: []].count > 1 {
        element.attributes.append(XMLAttribute("shared", "yes"))
      }
      return .element(element)
    }
  }
}
