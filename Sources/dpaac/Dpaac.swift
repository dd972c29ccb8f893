import ArgumentParser

/// The command line: each subcommand reads its input, calls the library and prints.
@main
struct Dpaac: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dpaac",
    abstract: "Partition a QorIQ DPAA network processor between a host and KVM guests.",
    discussion: """
      A plan says who gets which CPUs, portals, frame queues and buffer pools, and which packets \
      go to whom. dpaac proves that the plan is sound or says what is wrong and where, generates \
      what the guests need, and runs the same plan on any Linux host.

        dpaac check office.yaml             is the plan sound?
        dpaac plan office.yaml              what did the planner choose?
        dpaac why office.yaml queue 128     whose is it, and why?
        dpaac generate office.yaml -o out   trees, domains, a Swift package
        dpaac run office.yaml -o captures   engine, guests, real packets

      Exit codes: 0 all is well, 1 findings or a failure, 64 bad usage.
      """,
    version: "0.1.0",
    subcommands: [
      BoardCommand.self, InitCommand.self, CheckCommand.self, PlanCommand.self,
      GenerateCommand.self, RunCommand.self, AttachCommand.self, ExplainCommand.self,
      SchemaCommand.self,
      FreeCommand.self, WhyCommand.self, DiffCommand.self, ProveCommand.self,
      TraceCommand.self, TreeCommand.self, DTCCommand.self,
      FDTGetCommand.self,
      FDTPutCommand.self, FDTDumpCommand.self, FDTOverlayCommand.self, GuestCommand.self,
      LintCommand.self, ImportCommand.self, DoctorCommand.self, BenchCommand.self,
      GuestsCommand.self, ApplyCommand.self,
    ])
}
