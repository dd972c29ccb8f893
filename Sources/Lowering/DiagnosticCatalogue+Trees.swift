import DeviceTree
import Diagnostics

extension DiagnosticCatalogue {
  /// What device trees can give, but for codes that plans have too.
  public static let trees: [Entry] = {
    let others = Set((entries + xml + fmc + hypervisor).map(\.code))
    return TreeCatalogue.entries.filter { !others.contains($0.code) }.map {
      Entry(
        code: $0.code, group: .trees, severity: $0.severity, summary: $0.summary, prerequisites: [],
        explanation: nil)
    }
  }()
}
