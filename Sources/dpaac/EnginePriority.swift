import ArgumentParser
import DPAARuntime

/// How important the engine is beside others who want its processor.
struct EnginePriority: ParsableArguments {
  @Option(
    name: .customLong("engine-nice"), parsing: .unconditional,
    help: ArgumentHelp(
      "Nice value of the engine's thread, -20 to 0: with -10, guests that share its processor are answered at once, "
        + "and others on it have to wait (those of its session, where Linux groups sessions). Wants root, or a limit "
        + "of RLIMIT_NICE.",
      valueName: "nice"))
  var nice = 0

  func validate() throws {
    guard (-20...0).contains(nice) else { throw ValidationError("--engine-nice is from -20 to 0") }
    guard Processors.mayHave(nice: nice) else {
      throw ValidationError(
        "--engine-nice \(nice): this process may not (RLIMIT_NICE; see setrlimit(2))")
    }
  }
}
