import ArgumentParser

/// A name and what belongs to it, as a person writes them: `fm1-10g0=in.pcap`.
struct Assignment: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    (name, value) = (String(parts[0]), String(parts[1]))
  }
}
