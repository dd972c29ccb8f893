/// One generated file, still in memory.
public struct Artifact: Sendable, Hashable {
  /// Where it belongs, relative to the output directory, with `/` between components.
  public var path: String
  /// Its content.
  public var bytes: [UInt8]
  /// Whether it is a program to be run, such as a script.
  public var isExecutable: Bool
  /// Whether it is a start for somebody to go on from: written only where there is no file yet.
  public var isStub: Bool

  /// Creates an artifact from bytes.
  public init(_ path: String, bytes: [UInt8], isExecutable: Bool = false, isStub: Bool = false) {
    self.path = path
    self.bytes = bytes
    self.isExecutable = isExecutable
    self.isStub = isStub
  }

  /// Creates an artifact from text.
  public init(_ path: String, text: String, isExecutable: Bool = false, isStub: Bool = false) {
    self.init(path, bytes: Array(text.utf8), isExecutable: isExecutable, isStub: isStub)
  }
}
