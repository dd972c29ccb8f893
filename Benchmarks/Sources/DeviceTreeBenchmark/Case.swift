import BenchmarkTools

/// A question: how long do both take for this?
struct Case: Sendable {
  let name: String
  /// How many times faster ours is to be; 0 where it only has to work.
  let promise: Double
  /// Whether ours is also to need less memory.
  var isSmaller = false
  private let kind: Kind

  private enum Kind: Sendable {
    case source(quiet: Bool = true, @Sendable ((String) -> Void) -> Void)
    case overlay(nodes: Int, targets: Int)
    case boards(named: String, isBatch: Bool = false)
  }

  static let all = [
    // A process that takes 1.2 times as long is 0.83 times as fast.
    Case(name: "empty tree", promise: 0.83, kind: .source { $0("/dts-v1/;\n/ { };\n") }),
    Case(name: "board: P4080DS", promise: 0.83, kind: .boards(named: "p4080ds.dts")),
    Case(name: "boards: powerpc, one by one", promise: 1, kind: .boards(named: ".dts")),
    Case(
      name: "boards: powerpc, --batch", promise: 3, kind: .boards(named: ".dts", isBatch: true)),
    Case(name: "100 devices", promise: 0.83, kind: .source { Inputs.devices(100, $0) }),
    Case(name: "1,000 devices", promise: 1, kind: .source { Inputs.devices(1000, $0) }),
    Case(name: "10,000 devices", promise: 1, kind: .source { Inputs.devices(10_000, $0) }),
    Case(name: "100,000 devices", promise: 10, kind: .source { Inputs.devices(100_000, $0) }),
    Case(
      name: "1,000,000 devices", promise: 10, isSmaller: true,
      kind: .source { Inputs.devices(1_000_000, $0) }),
    Case(
      name: "1,000,000 devices, warnings", promise: 10, isSmaller: true,
      kind: .source(quiet: false) { Inputs.devices(1_000_000, $0) }),
    Case(name: "100 MB of cells", promise: 5, kind: .source { Inputs.cells(9_100_000, $0) }),
    Case(name: "10,000 labels", promise: 1, kind: .source { Inputs.labels(10_000, $0) }),
    Case(name: "100,000 labels", promise: 50, kind: .source { Inputs.labels(100_000, $0) }),
    Case(
      name: "100,000 children", promise: 0, kind: .source { Inputs.children(100_000, $0) }),
    Case(
      name: "overlay, 1,000 targets", promise: 100, kind: .overlay(nodes: 10_000, targets: 1000)),
  ]

  /// Whether the case needs boards, which not every machine has.
  var needsBoards: Bool { if case .boards = kind { true } else { false } }

  /// Makes the input; `nil` when that fails.
  func prepare(_ setting: Setting, _ timer: ProcessTimer) -> Prepared? {
    let (work, ours) = (setting.work, setting.ours)
    let (mine, reference) = ("\(work)/ours.dtb", "\(work)/theirs.dtb")
    switch kind {
    case .source(let isQuiet, let body):
      let file = "\(work)/input.dts"
      guard FileTools.write(file, body) else { return nil }
      let options = (isQuiet ? ["-q"] : []) + ["-O", "dtb"]
      return Prepared(
        inputs: [file], isTemporary: true,
        ours: .init([ours, "dtc"] + options + ["-o", mine, file], output: mine),
        theirs: .init(["dtc"] + options + ["-o", reference, file], output: reference))
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
        inputs: ["\(base).dtb", "\(overlay).dtb"], isTemporary: true,
        ours: .init([ours, "fdtoverlay", "-o", mine] + inputs, output: mine),
        theirs: .init(["fdtoverlay", "-o", reference] + inputs, output: reference))
    case .boards(let ending, let isBatch):
      let names = FileTools.names(in: setting.boards).filter { $0.hasSuffix(ending) }
      guard !names.isEmpty else { return nil }
      let options = ["-q"] + setting.boardPaths.flatMap { ["-i", $0] }
      func side(_ program: [String], _ label: String) -> Prepared.Side {
        let outputs = names.map { "\(work)/\(label)-\($0).dtb" }
        return Prepared.Side(
          commands: zip(names, outputs).map { name, output in
            program + options + ["-O", "dtb", "-o", output, "\(setting.boards)/\(name)"]
          }, outputs: outputs)
      }
      let inputs = names.map { "\(setting.boards)/\($0)" }
      var mine = side([ours, "dtc"], "ours")
      if isBatch {
        mine = Prepared.Side(
          commands: [[ours, "dtc", "--batch", "-d", work] + options + inputs],
          outputs: names.map { "\(work)/\($0.dropLast(4)).dtb" })
      }
      return Prepared(
        inputs: inputs, isTemporary: false, ours: mine, theirs: side(["dtc"], "theirs"))
    }
  }
}

/// Where things are.
struct Setting {
  /// The program to measure.
  var ours = ""
  /// A directory to write in.
  var work = ""
  /// A directory of preprocessed boards; empty when there is none.
  var boards = ""
  /// Where these look for what they include.
  var boardPaths: [String] = []
}

/// The files of a case and the commands that both get.
struct Prepared {
  struct Side {
    /// Run one after the other.
    let commands: [[String]]
    let outputs: [String]

    init(commands: [[String]], outputs: [String]) {
      self.commands = commands
      self.outputs = outputs
    }

    init(_ command: [String], output: String) { self.init(commands: [command], outputs: [output]) }
  }

  let inputs: [String]
  /// Whether the inputs were made for this case only.
  let isTemporary: Bool
  let ours: Side
  let theirs: Side

  /// What is to be removed in the end.
  var leftovers: [String] { (isTemporary ? inputs : []) + ours.outputs + theirs.outputs }
}
