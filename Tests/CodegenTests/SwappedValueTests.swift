import Diagnostics
import Documents
import QorIQ
import TestSupport
import Testing

@testable import Codegen
@testable import Partitioning

/// Two guests' values are swapped, one kind of value at a time, and every backend that prints the
/// value is run on the result: its judge must see that this is not the partition.
@Suite struct SwappedValueTests {
  /// A kind of value that guests have, and the backends that print it.
  struct Value: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var backends: [String]
    /// Swaps it between two owners; `false` when both have the same.
    var swap: @Sendable (inout Parts, Int, Int) -> Bool
    /// What of a partition is swapped.
    typealias Parts = (
      owners: [Owner], resources: [OwnerResources], interfaces: [SharedInterface]
    )

    init<Property: Equatable & Sendable>(
      _ name: String, _ path: any WritableKeyPath<Owner, Property> & Sendable, in backends: [String]
    ) {
      testDescription = name
      self.backends = backends
      swap = { Self.swap(&$0.owners, path, $1, $2) }
    }

    /// A property of what owners have beside.
    init<Property: Equatable & Sendable>(
      resources name: String, _ path: any WritableKeyPath<OwnerResources, Property> & Sendable,
      in backends: [String]
    ) {
      testDescription = name
      self.backends = backends
      swap = { Self.swap(&$0.resources, path, $1, $2) }
    }

    private static func swap<Element, Property: Equatable>(
      _ elements: inout [Element], _ path: WritableKeyPath<Element, Property>, _ one: Int,
      _ other: Int
    ) -> Bool {
      let values = (elements[one][keyPath: path], elements[other][keyPath: path])
      guard values.0 != values.1 else { return false }
      elements[one][keyPath: path] = values.1
      elements[other][keyPath: path] = values.0
      return true
    }

    /// A property of rules, swapped between all rules of one owner and all of another.
    init<Property: Equatable & Sendable>(
      rules name: String, _ path: any WritableKeyPath<FlowRule, Property> & Sendable,
      in backends: [String]
    ) {
      testDescription = "rules' \(name)"
      self.backends = backends
      swap = { parts, one, other in
        var isSwapped = false
        for index in parts.interfaces.indices {
          var rules = parts.interfaces[index].rules
          guard let first = rules.first(where: { $0.owner == one })?[keyPath: path],
            let second = rules.first(where: { $0.owner == other })?[keyPath: path],
            first != second
          else { continue }
          for rule in rules.indices
          where [one, other].contains(parts.interfaces[index].rules[rule].owner) {
            rules[rule][keyPath: path] =
              parts.interfaces[index].rules[rule].owner == one ? second : first
          }
          parts.interfaces[index].rules = rules
          isSwapped = true
        }
        return isSwapped
      }
    }
  }

  static let values: [Value] = [
    Value("CPUs", \.cpus, in: ["hypervisor", "swift", "report"]),
    Value("memory", \.memory, in: ["swift", "report"]),
    Value(resources: "windows and areas of memory", \.dmaWindow, in: ["hypervisor"]),
    Value(
      resources: "congestion groups", \.congestionGroups, in: ["hypervisor", "swift", "report"]),
    Value("portals", \.portals, in: ["hypervisor", "swift", "report"]),
    Value("queues", \.queues, in: ["hypervisor", "swift", "report"]),
    Value("pools", \.pools, in: ["hypervisor", "swift", "report"]),
    Value("LIODN offset", \.liodnOffset, in: ["swift", "report"]),
    Value("rings", \.rings, in: ["swift"]),
    Value("program", \.program, in: ["swift"]),
    Value("operating system", \.os, in: ["swift"]),
    Value("ways in and out", \.paths, in: ["hypervisor", "swift"]),
    Value(rules: "owner", \.owner, in: ["fmc", "report"]),
    Value(rules: "queues", \.receive, in: ["fmc", "report"]),
    Value(rules: "profile", \.storageProfile, in: ["fmc"]),
    Value(rules: "spread", \.spread, in: ["fmc"]),
  ]

  @Test(arguments: values)
  func `swapping two guests' values is seen by every backend's judge`(value: Value) throws {
    var seen: Set<String> = []
    for partition in try Example.names.map(Example.partition) + Sample.all {
      let guests = partition.owners.indices.filter { !partition.owners[$0].isHost }
      for (place, one) in guests.enumerated() {
        for other in guests[(place + 1)...] {
          var parts: Value.Parts = (partition.owners, partition.resources, partition.interfaces)
          guard value.swap(&parts, one, other) else { continue }
          let mutant = Partition(
            name: partition.name, board: partition.board, owners: parts.0, interfaces: parts.2,
            links: partition.links, decisions: partition.decisions, resources: parts.1,
            ports: partition.ports, policers: [])
          for backend in value.backends {
            // A backend that refuses the swapped partition shows nothing of its judge.
            guard let found = try differences(of: mutant, printedBy: backend, from: partition)
            else { continue }
            seen.insert(backend)
            #expect(
              !found.isEmpty,
              "\(partition.name): \(backend) hides that \(partition.owners[one].name) and \(partition.owners[other].name) swapped"
            )
          }
        }
      }
    }
    #expect(seen == Set(value.backends), "no example tells guests apart by this")
  }

  @Test(arguments: ["hypervisor", "fmc", "swift", "report"])
  func `a judge finds nothing where nothing is swapped`(backend: String) throws {
    for partition in try Example.names.map(Example.partition) + Sample.all {
      let plain = Partition(
        name: partition.name, board: partition.board, owners: partition.owners,
        interfaces: partition.interfaces, links: partition.links, decisions: partition.decisions,
        resources: partition.resources, ports: partition.ports, policers: [])
      #expect(try differences(of: plain, printedBy: backend, from: plain) == [])
    }
  }

  /// What a backend's judge finds; `nil` when the backend refuses to print the partition at all.
  private func differences(
    of mutant: Partition, printedBy backend: String, from partition: Partition
  ) throws -> [String]? {
    let artifacts: [Artifact]
    do throws(GenerationError) {
      artifacts = try Generator(only: [backend]).artifacts(for: mutant, options: .sample)
    } catch {
      return nil
    }
    func text(_ path: String) throws -> String {
      String(decoding: try #require(artifacts.first { $0.path == path }).bytes, as: UTF8.self)
    }
    switch backend {
    case "hypervisor": return try Judge.hypervisor(text("hv.dts"), of: partition)
    case "fmc":
      let files = try FMCBackend().artifacts(for: mutant, options: .sample)
      return Judge.fmc(files.map { ($0.path, $0.bytes) }, of: partition)
    case "swift":
      return try zip(partition.owners, partition.resources).flatMap { owner, resources in
        let name = owner.name.replacing("-", with: "_")
        return try Judge.swift(
          text("swift/Sources/Configuration/\(name).swift"), of: owner, resources)
      }
    default:
      var bag = DiagnosticBag()
      let page = XMLReader().read(
        SourceFile(
          name: "report.html",
          text: try text("report.html").replacing("<!DOCTYPE html>\n", with: "")), into: &bag)
      return Judge.report(try #require(page), of: partition)
    }
  }
}
