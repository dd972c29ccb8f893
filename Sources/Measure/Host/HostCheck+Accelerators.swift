import Patterns
import Security

extension HostCheck {
  /// The libraries that do the accelerators' work.
  static let accelerators = [
    HostCheck("sec", for: "SEC's arithmetic") { view in
      var there: [String] = []
      var missing: [String] = []
      for library in SecurityLibrary.allCases {
        switch view.calls.security(library) {
        case .success(let name): there.append(name)
        case .failure(let error): missing.append(error.reason)
        }
      }
      if there.isEmpty {
        return .no(missing.joined(separator: "; "), "install one of them; a guest's requests fail")
      }
      return .yes((there + missing).joined(separator: "; "))
    },
    HostCheck("pme", for: "plans with patterns") { view in
      switch view.calls.patterns() {
      case .success(let version): .yes("Hyperscan or Vectorscan \(version)")
      case .failure(let error):
        .no("\(error)", "apt-get install libhyperscan-dev, or libvectorscan-dev, and build again")
      }
    },
  ]
}
