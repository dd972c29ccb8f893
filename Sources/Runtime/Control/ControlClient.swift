import Glibc

/// Asks a run for something over its control socket.
public enum ControlClient {
  /// Sends a request and waits for its answer.
  ///
  /// - Parameters:
  ///   - words: The verb, and what it is about; no word has a tab or a line break in it.
  ///   - isJSON: Whether the answer is for programs.
  ///   - path: The socket's file.
  /// - Returns: The code that a command should exit with, and what it should print.
  /// - Throws: ``EngineError`` when nobody listens there, or the run ends without an answer.
  public static func ask(
    _ words: [String], isJSON: Bool, at path: String
  ) throws(EngineError) -> (code: Int32, text: String) {
    let address = try ControlSocketAddress(path)
    let socket = ControlSocketAddress.socket(isWaiting: true)
    guard socket >= 0 else { throw .file(path, errno) }
    defer { close(socket) }
    guard address.with({ connect(socket, $0, $1) }) == 0 else {
      guard errno == ECONNREFUSED || errno == ENOENT else { throw .file(path, errno) }
      throw .noRun(path)
    }
    let line = Array((([isJSON ? "json" : "text"] + words).joined(separator: "\t") + "\n").utf8)
    guard line.count < ControlServer.longestLine,
      send(socket, line, line.count, Int32(MSG_NOSIGNAL)) == line.count
    else { throw .file(path, EMSGSIZE) }
    var answer: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(socket, &bytes, bytes.count, 0)
      guard count > 0 else { break }
      answer += bytes.prefix(count)
    }
    guard let end = answer.firstIndex(of: 10),
      let code = Int32(String(decoding: answer[..<end], as: UTF8.self))
    else { throw .noRun(path) }
    return (code, String(decoding: answer[(end + 1)...], as: UTF8.self))
  }
}
