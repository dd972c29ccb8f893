import CPortalShims
import Glibc

/// A host as its checks see it: files below a root, an environment, and what only the kernel can tell.
public struct HostView: Sendable {
  /// What stands before every path; empty for this host's own files.
  let root: String
  private let environment: @Sendable (String) -> String?
  let calls: HostCalls

  /// This host.
  public init() {
    self.init(root: "", environment: { getenv($0).map { String(cString: $0) } }, calls: .real)
  }

  init(
    root: String, environment: @escaping @Sendable (String) -> String?, calls: HostCalls
  ) {
    self.root = root
    self.environment = environment
    self.calls = calls
  }

  /// A variable of the environment; `nil` when it is not set, or empty.
  func variable(_ name: String) -> String? {
    environment(name).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Files are as long as the kernel makes them; what is longer than this is none of the kernel's.
  private static let longestFile = 1 << 16

  /// A file's bytes, at most 64 KiB of them; `nil` when it cannot be read.
  func bytes(_ path: String) -> [UInt8]? {
    let descriptor = open(root + path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < Self.longestFile {
      let count = read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      bytes += chunk.prefix(count)
    }
    return bytes
  }

  /// A file's text without the line break at its end.
  func text(_ path: String) -> String? {
    guard var text = bytes(path).map({ String(decoding: $0, as: UTF8.self) }) else { return nil }
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }

  /// The names in a folder, sorted; `nil` when it cannot be read.
  func names(in path: String) -> [String]? {
    guard let listing = opendir(root + path) else { return nil }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Why a device or file cannot be read and written; `nil` when it can.
  func problem(with path: String) -> String? {
    access(root + path, R_OK | W_OK) == 0 ? nil : String(cString: strerror(errno))
  }

  /// Whether there is something at a path.
  func exists(_ path: String) -> Bool { access(root + path, F_OK) == 0 }

  /// Whether a path is a folder, and no link to one.
  func isFolder(_ path: String) -> Bool {
    var information = stat()
    return lstat(root + path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  /// Where a program is; `nil` when it is not on PATH.
  func program(_ name: String) -> String? {
    (variable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(name)" }
      .first { access(root + $0, X_OK) == 0 }
  }

  /// The first line that a program prints when it is asked for its version; `nil` when it prints none.
  func version(_ program: String) -> String? {
    calls.firstLine([root + program, "--version"])
  }

  /// Where dpaac's scripts leave what they make.
  var cache: String {
    "\(variable("XDG_CACHE_HOME") ?? "\(variable("HOME") ?? "")/.cache")/dpaac"
  }

  /// A line such as `CapEff: 1ff` of a file of such lines.
  func field(_ name: String, of path: String) -> Substring? {
    text(path)?.split(separator: "\n").first { $0.hasPrefix("\(name):") }?
      .drop { $0 != ":" }.dropFirst().drop { $0.isWhitespace }
  }

  /// Rights that the kernel asks for (Linux 6.1, `include/uapi/linux/capability.h`).
  enum Capability: Int {
    case netAdmin = 12
    case netRaw = 13
    case sysAdmin = 21
    case perfmon = 38
    case bpf = 39
  }

  /// Whether this process has a right.
  func has(_ capability: Capability) -> Bool {
    guard let digits = field("CapEff", of: "/proc/self/status"),
      let bits = UInt64(digits, radix: 16)
    else { return false }
    return bits >> UInt64(capability.rawValue) & 1 == 1
  }

  /// A list such as `0-3,8`.
  static func numbers(in list: some StringProtocol) -> [Int] {
    var numbers: [Int] = []
    for part in list.split(separator: ",") {
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last, last - first < 1 << 16
      else { continue }
      numbers += first...last
    }
    return numbers
  }
}
