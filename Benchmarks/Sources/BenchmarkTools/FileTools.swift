import Glibc

/// Files in pieces, so that this process stays small.
package enum FileTools {
  /// Writes a text that `body` gives piece by piece; false when that fails.
  package static func write(_ path: String, _ body: (_ put: (String) -> Void) -> Void) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    var isWritten = true
    body { text in if fputs(text, file) < 0 { isWritten = false } }
    return fclose(file) == 0 && isWritten
  }

  /// The names in a directory, sorted.
  package static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      // SAFETY: the name ends with NUL inside its entry, which lives until the next `readdir`.
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.sorted()
  }

  /// The lines of a text file; none when there is no such file.
  package static func lines(of path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var lines: [String] = []
    var buffer: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(buffer) }
    while getline(&buffer, &capacity, file) >= 0, let line = buffer {
      lines.append(String(cString: line).split(separator: "\n").joined())
    }
    return lines
  }

  /// The bytes of a file; 0 when there is none.
  package static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Whether two files exist and have the same bytes.
  package static func areEqual(_ left: String, _ right: String) -> Bool {
    guard let first = fopen(left, "r") else { return false }
    defer { fclose(first) }
    guard let second = fopen(right, "r") else { return false }
    defer { fclose(second) }
    var one = [UInt8](repeating: 0, count: 1 << 16)
    var other = one
    while true {
      let count = fread(&one, 1, one.count, first)
      guard fread(&other, 1, other.count, second) == count, one[..<count] == other[..<count] else {
        return false
      }
      if count < one.count { return true }
    }
  }
}
