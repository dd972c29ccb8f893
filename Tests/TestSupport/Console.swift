import Foundation

/// A program that a test talks to through its standard input and output, such as a boot loader in
/// QEMU.
public final class Console {
  private let process: ChildProcess
  private let input = Pipe()
  private let output = Pipe()
  /// All that it has printed so far.
  public private(set) var transcript = ""
  private var searched: String.Index

  /// Starts a program.
  ///
  /// - Throws: When it cannot be started.
  public init(_ tool: Tool, _ arguments: [String]) throws {
    guard let path = tool.path else { throw MissingTool(tool: tool) }
    searched = transcript.startIndex
    process = try ChildProcess(
      path, arguments, input: input.fileHandleForReading, output: output.fileHandleForWriting,
      errors: output.fileHandleForWriting)
    // The end of what it prints is seen when nobody else could print.
    try output.fileHandleForWriting.close()
    try input.fileHandleForReading.close()
  }

  deinit { stop() }

  /// Sends text as if typed.
  public func type(_ text: String) {
    // A dead reader is noticed by the next wait, not by a signal.
    signal(SIGPIPE, SIG_IGN)
    try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
  }

  /// Waits until the program has printed `text` behind what earlier waits found.
  ///
  /// - Returns: What it printed up to and with `text`.
  /// - Throws: ``ConsoleError`` when the time is over or the program ends first.
  @discardableResult
  public func wait(for text: String, seconds: Double = 10) throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      if let range = transcript[searched...].range(of: text) {
        defer { searched = range.upperBound }
        return String(transcript[searched..<range.upperBound])
      }
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw ConsoleError.timeout(waitingFor: text, after: transcript) }
      guard try read(milliseconds: 50) else {
        throw ConsoleError.ended(waitingFor: text, after: transcript)
      }
    }
  }

  /// Ends the program at once and waits until it is gone.
  public func stop() {
    process.stop()
  }

  /// Takes what the program has printed; `false` at its end.
  private func read(milliseconds: Int32) throws -> Bool {
    let descriptor = output.fileHandleForReading.fileDescriptor
    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&state, 1, milliseconds) > 0 else { return true }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Foundation.read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return false }
    let offset = transcript.utf8.distance(from: transcript.startIndex, to: searched)
    let text = bytes[..<count].filter { $0 != UInt8(ascii: "\r") }
    transcript += String(decoding: text, as: UTF8.self)
    searched = transcript.utf8.index(transcript.startIndex, offsetBy: offset)
    return true
  }
}

/// Why a wait was in vain.
public enum ConsoleError: Error, CustomStringConvertible {
  /// The text did not come in time.
  case timeout(waitingFor: String, after: String)
  /// The program ended first.
  case ended(waitingFor: String, after: String)

  /// What was awaited, and all that came.
  public var description: String {
    switch self {
    case .timeout(let text, let transcript): "no \"\(text)\" in time; so far:\n\(transcript)"
    case .ended(let text, let transcript): "ended before \"\(text)\"; it printed:\n\(transcript)"
    }
  }
}
