import Diagnostics
import Glibc
import Lowering

/// Standard output and standard error: data on the one, talk on the other.
enum Terminal {
  /// Whether standard error is a terminal that shows colours.
  static var errorIsTerminal: Bool { isatty(2) == 1 && getenv("NO_COLOR") == nil }

  /// Writes data.
  static func print(_ text: String) { write(text, to: 1) }

  /// Writes talk.
  static func complain(_ text: String) { write(text, to: 2) }

  /// Writes findings where they are all that a command has to say: as talk for people, as data for
  /// programs.
  static func show(_ findings: DiagnosticBag, as format: DiagnosticFormat) {
    guard format != .text else {
      return complain(DiagnosticRenderer(colour: errorIsTerminal).render(findings))
    }
    let summaries = Dictionary(
      uniqueKeysWithValues: DiagnosticCatalogue.all.map { ($0.code, $0.summary) })
    print(format.render(findings, summaries: summaries))
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(
          descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          // A reader that went away, as in `dpaac … | head`, wants no more.
          guard errno != EPIPE, descriptor == 1 else { return }
          complain("error: standard output: \(String(cString: strerror(errno)))\n")
          exit(1)
        }
        rest = rest[(rest.startIndex + count)...]
      }
    }
  }

  /// The working directory.
  static var here: String {
    guard let path = getcwd(nil, 0) else { return "." }
    defer { free(path) }
    return String(cString: path)
  }

  /// The path of this very program.
  static var executablePath: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : "/proc/self/exe"
  }
}
