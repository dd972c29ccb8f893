import Glibc

/// What somebody wants of a run, and where the answer goes.
///
/// A request is one line of words with tabs between them: the format of the answer, `text` or `json`, then a verb
/// and what it is about. The answer is a line with the code that a command should exit with, and then what it should print; with that the
/// connection ends.
final class ControlRequest {
  /// Whether the answer is for programs.
  let isJSON: Bool
  /// The verb, and what it is about.
  let words: [String]
  private let connection: Int32
  private var isAnswered = false

  /// Takes up a connection whose line has come; `nil` when that is no request.
  init?(line: String, connection: Int32) {
    let words = line.split(separator: "\t").map(String.init)
    guard let format = words.first, format == "text" || format == "json" else { return nil }
    isJSON = format == "json"
    self.words = Array(words.dropFirst())
    self.connection = connection
  }

  deinit {
    answer(1, "the run is over\n")
    close(connection)
  }

  /// Answers, once. Who does not read his answer loses it: a run waits for nobody.
  func answer(_ code: Int32, _ text: String) {
    guard !isAnswered else { return }
    isAnswered = true
    var rest = Array("\(code)\n\(text)".utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    shutdown(connection, Int32(SHUT_WR))
  }
}
