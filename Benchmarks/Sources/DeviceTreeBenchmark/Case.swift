/// A question: how long do both take for this?
struct Case: Sendable {
  let name: String
  /// How many times faster ours is to be; 0 where it only has to work.
  let promise: Double
  private let kind: Kind

  private enum Kind: Sendable {
    case source(@Sendable ((String) -> Void) -> Void)
    case overlay(nodes: Int, targets: Int)
  }

  static let all = [
    // A process that starts 1.2 times as slow is 0.83 times as fast.
    Case(name: "empty tree", promise: 0.83, kind: .source { $0("/dts-v1/;\n/ { };\n") }),
    Case(name: "100 devices", promise: 0.83, kind: .source { Inputs.devices(100, $0) }),
    Case(name: "1,000 devices", promise: 1, kind: .source { Inputs.devices(1000, $0) }),
    Case(name: "10,000 devices", promise: 1, kind: .source { Inputs.devices(10_000, $0) }),
    Case(name: "100,000 devices", promise: 10, kind: .source { Inputs.devices(100_000, $0) }),
    Case(name: "1,000,000 devices", promise: 10, kind: .source { Inputs.devices(1_000_000, $0) }),
    Case(name: "100 MB of cells", promise: 5, kind: .source { Inputs.cells(9_100_000, $0) }),
    Case(name: "10,000 labels", promise: 1, kind: .source { Inputs.labels(10_000, $0) }),
    Case(name: "100,000 labels", promise: 50, kind: .source { Inputs.labels(100_000, $0) }),
    Case(
      name: "100,000 children", promise: 0, kind: .source { Inputs.children(100_000, $0) }),
    Case(
      name: "overlay, 1,000 targets", promise: 100, kind: .overlay(nodes: 10_000, targets: 1000)),
  ]

  /// Makes the input; `nil` when that fails.
  func prepare(in work: String, ours: String, _ timer: ProcessTimer) -> Prepared? {
    let (mine, reference) = ("\(work)/ours.dtb", "\(work)/theirs.dtb")
    switch kind {
    case .source(let body):
      let file = "\(work)/input.dts"
      guard FileTools.write(file, body) else { return nil }
      return Prepared(
        files: [file],
        ours: .init(command: [ours, "dtc", "-q", "-O", "dtb", "-o", mine, file], output: mine),
        theirs: .init(
          command: ["dtc", "-q", "-O", "dtb", "-o", reference, file], output: reference)
      )
    case .overlay(let nodes, let targets):
      let (base, overlay) = ("\(work)/base", "\(work)/overlay")
      guard FileTools.write("\(base).dts", { Inputs.base(nodes, $0) }),
        FileTools.write("\(overlay).dts", { Inputs.overlay(targets, of: nodes, $0) }),
        [base, overlay].allSatisfy({ name in
          timer.run([ours, "dtc", "-q", "-@", "-o", "\(name).dtb", "\(name).dts"])?.status == 0
        })
      else { return nil }
      let inputs = ["-i", "\(base).dtb", "\(overlay).dtb"]
      return Prepared(
        files: ["\(base).dtb", "\(overlay).dtb"],
        ours: .init(command: [ours, "fdtoverlay", "-o", mine] + inputs, output: mine),
        theirs: .init(command: ["fdtoverlay", "-o", reference] + inputs, output: reference))
    }
  }
}

/// The files of a case and the commands that both get.
struct Prepared {
  struct Side {
    let command: [String]
    let output: String
  }

  let files: [String]
  let ours: Side
  let theirs: Side
}
