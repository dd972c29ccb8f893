import ArgumentParser
import Diagnostics
import Lowering

/// Which findings count, and how much.
struct FindingArguments: ParsableArguments {
  @Option(
    name: [.customShort("W")],
    help: ArgumentHelp(
      "Warn of findings with this code, or with no- before it do not; may be repeated.",
      valueName: "[no-]code"))
  var warn: [String] = []

  @Option(
    name: [.customShort("E")],
    help: ArgumentHelp(
      "Take findings with this code for errors, or with no- before it do not; may be repeated.",
      valueName: "[no-]code"))
  var fail: [String] = []

  // Reading all kinds of finding takes longer than an ordinary plan: not where there is no question.
  func validate() throws {
    if !warn.isEmpty || !fail.isEmpty { _ = try choice() }
  }

  /// The findings that count, with a warning for each option that turns off what is not there.
  func applied(to bag: DiagnosticBag) throws -> DiagnosticBag {
    if bag.isEmpty && warn.isEmpty && fail.isEmpty { return bag }
    let choice = try choice()
    var bag = bag
    // With an error not every check has been judged, so nobody knows what an option is for.
    if !bag.hasErrors {
      for option in choice.idleOptions(in: bag) {
        bag.warning(
          .allowanceIdle, "\(option) turns off what is not found", fixIts: [FixIt("leave it out")])
      }
    }
    return choice.applied(to: bag)
  }

  private func choice() throws -> SeverityChoice {
    var choice = DiagnosticCatalogue.severities
    for (options, asErrors) in [(warn, false), (fail, true)] {
      for option in options where !choice.turn(option, asErrors: asErrors) {
        let codes = DiagnosticCatalogue.entries.map(\.code.description)
        let name = option.hasPrefix("no-") ? String(option.dropFirst(3)) : option
        let hint = nearestName(to: name, in: codes).map { "; did you mean \($0)?" } ?? ""
        throw ValidationError("no finding has the code \(name)\(hint)")
      }
    }
    return choice
  }
}
