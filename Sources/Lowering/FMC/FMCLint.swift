public import Diagnostics
import Documents
public import QorIQ

/// Judges a configuration and a policy file of the Frame Manager Configuration tool (FMC 0.9.34):
/// what FMC refuses, and above all what it passes over in silence.
///
/// Nothing here asks FMC. What it takes was read in its sources (nxp-qoriq/fmc, `source/`) and tried
/// out; what the hardware needs is from nxp-qoriq/fmlib, `include/fmd`, and Linux 6.1's
/// `fman_keygen.c`.
public struct FMCLint: Sendable {
  /// The board, which decides which ports there are and whether there are storage profiles.
  public var board: Board?

  /// Creates a judge; without a board every port and profile of any board passes.
  public init(board: Board? = nil) { self.board = board }

  /// Adds everything that is wrong with a pair of files to the bag.
  public func check(
    configuration: SourceFile, policy: SourceFile, into bag: inout DiagnosticBag
  ) {
    _ = model(configuration: configuration, policy: policy, into: &bag)
  }

  /// The model of a pair of files, with everything that is wrong with them in the bag; `nil` when
  /// one of them is no such file.
  func model(
    configuration: SourceFile, policy: SourceFile, into bag: inout DiagnosticBag
  ) -> FMCModel? {
    let first = XMLReader().read(configuration, into: &bag)
    let second = XMLReader().read(policy, into: &bag)
    guard let first, let second else { return nil }
    var structure = FMCStructure()
    let isConfiguration = structure.check(first, root: "cfgdata")
    let isPolicy = structure.check(second, root: "netpcd")
    bag.add(contentsOf: structure.bag)
    guard isConfiguration, isPolicy else { return nil }
    let model = FMCModelReader(configuration: first, policy: second).model
    var checks = FMCChecks(model: model, board: board)
    checks.run()
    bag.add(contentsOf: checks.bag)
    return model
  }
}

/// The checks of a model, a function for each subject.
struct FMCChecks {
  let model: FMCModel
  let board: Board?
  var bag = DiagnosticBag()
  /// Every name that is given, with the place of its last definition.
  private(set) var defined: [FMCKind: [String: FMCText]] = [:]

  init(model: FMCModel, board: Board?) {
    self.model = model
    self.board = board
    for (kind, name) in model.names { defined[kind, default: [:]][name.value] = name }
  }

  mutating func run() {
    checkPorts()
    checkNames()
    checkPolicies()
    checkDistributions()
    checkQueues()
    checkClassifications()
    checkActions()
    checkProfiles()
    checkReassemblies()
    checkLimits()
  }

  /// Whether a name is one; says what it might have been when not.
  mutating func resolve(_ kind: FMCKind, _ name: FMCText, from user: String) {
    guard defined[kind]?[name.value] == nil, !name.value.isEmpty else { return }
    // Every name is compared with every other: a file with thousands gets no advice, nor does one with hundreds of
    // mistakes.
    let known = defined[kind, default: [:]].keys
    let isHelped = known.count < 1000 && bag.diagnostics.count < 200
    let near = isHelped ? nearestName(to: name.value, in: known.sorted()) : nil
    bag.error(
      "fmc-unresolved", "\(user) refers to the \(kind.title) \(name.value), which is not defined",
      at: name.span,
      fixIts: near.map { [FixIt("did you mean \($0)?", replacing: name.span, with: $0)] } ?? [])
  }
}
