import Foundation
import Partitioning
import TestSupport
import Testing

@testable import Codegen

@Suite struct GeneratorTests {
  /// Prints fixed artifacts, or fails.
  struct FixedBackend: Backend {
    var name = "fixed"
    var result: Result<[Artifact], GenerationError>
    init(_ artifacts: Artifact...) { result = .success(artifacts) }
    init(failure: GenerationError) { result = .failure(failure) }
    func artifacts(
      for partition: Partition, options: GenerationOptions
    ) throws(GenerationError) -> [Artifact] { try result.get() }
  }

  let first = Artifact("a.txt", text: "one\n")
  let second = Artifact("deep/down/b.sh", text: "#!/bin/sh\n", isExecutable: true)

  @Test func `what is written is current, and writing it again touches nothing`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let generator = Generator(backends: [FixedBackend(second, first)])
    let output = "\(directory.path)/new/out"
    let artifacts = try generator.artifacts(for: Sample.t4240, options: .sample)

    #expect(generator.stale(artifacts, in: output).map(\.reason) == [.missing, .missing])
    #expect(try generator.write(artifacts, to: output) == ["a.txt", "deep/down/b.sh"])
    #expect(generator.stale(artifacts, in: output) == [])
    #expect(FileManager.default.isExecutableFile(atPath: "\(output)/deep/down/b.sh"))
    #expect(try generator.write(artifacts, to: output) == [])
    #expect(try names(in: output) == ["a.txt", "deep"])
  }

  @Test func `a file that someone has changed is named, and only that is written`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let generator = Generator(backends: [FixedBackend(first, second)])
    let artifacts = try generator.artifacts(for: Sample.t4240, options: .sample)
    try generator.write(artifacts, to: directory.path)
    try directory.write("a.txt", Data("two\n".utf8))
    #expect(
      generator.stale(artifacts, in: directory.path)
        == [StaleFile(path: "a.txt", reason: .different)])
    #expect(try generator.write(artifacts, to: directory.path) == ["a.txt"])
  }

  @Test func `a stub is written once and then belongs to its reader`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let stub = Artifact("mine.swift", text: "// begin\n", isStub: true)
    let generator = Generator(backends: [FixedBackend(stub)])
    #expect(try generator.write([stub], to: directory.path) == ["mine.swift"])
    try directory.write("mine.swift", Data("// my own\n".utf8))
    #expect(generator.stale([stub], in: directory.path) == [])
    #expect(try generator.write([stub], to: directory.path) == [])
  }

  @Test func `when one file cannot be written, none is, and nothing is left behind`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try FileManager.default.createDirectory(
      atPath: "\(directory.path)/deep/down/b.sh", withIntermediateDirectories: true)
    let generator = Generator(backends: [FixedBackend(first, second)])
    let artifacts = try generator.artifacts(for: Sample.t4240, options: .sample)
    #expect(
      throws: GenerationError.file(
        path: "\(directory.path)/deep/down/b.sh", reason: "there is a directory of this name")
    ) { try generator.write(artifacts, to: directory.path) }
    #expect(try names(in: directory.path) == ["deep"])
    #expect(try names(in: "\(directory.path)/deep/down") == ["b.sh"])
  }

  @Test func `a backend that fails keeps all others from being written`() throws {
    let failure = GenerationError.unprintable(artifact: "x", reason: "no form")
    let generator = Generator(backends: [FixedBackend(first), FixedBackend(failure: failure)])
    #expect(throws: failure) { try generator.artifacts(for: Sample.t4240, options: .sample) }
  }

  @Test(arguments: ["../a", "/etc/passwd", "a//b", "a/./b", ""])
  func `a path out of the output directory is refused`(path: String) {
    let generator = Generator(backends: [FixedBackend(Artifact(path, text: ""))])
    #expect(throws: GenerationError.unsafePath(path)) {
      try generator.artifacts(for: Sample.t4240, options: .sample)
    }
  }

  @Test func `two backends cannot write the same file`() {
    let generator = Generator(backends: [FixedBackend(first), FixedBackend(first)])
    #expect(throws: GenerationError.duplicatePath("a.txt")) {
      try generator.artifacts(for: Sample.t4240, options: .sample)
    }
  }

  @Test func `backends are chosen by name, and an unknown name lists the known ones`() throws {
    #expect(try Generator(only: ["tree"]).backends.map(\.name) == ["tree"])
    #expect(
      throws: GenerationError.unknownBackend(
        "trees", known: (Generator.allBackends + Generator.backendsOnRequest).map(\.name))
    ) { try Generator(only: ["trees"]) }
  }

  @Test func `a backend on request is left out unless it is named`() throws {
    #expect(try !Generator().backends.contains { $0.name == "swift-configuration" })
    #expect(
      try Generator(only: ["swift-configuration"]).backends.map(\.name) == ["swift-configuration"])
  }

  @Test func `the same partition gives the same bytes twice`() throws {
    for partition in Sample.all {
      let generator = try Generator()
      let first = try generator.artifacts(for: partition, options: .sample)
      #expect(try generator.artifacts(for: partition, options: .sample) == first)
      #expect(!first.isEmpty)
    }
  }

  private func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }
}
