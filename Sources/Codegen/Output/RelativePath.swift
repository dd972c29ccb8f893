import Foundation

/// An absolute path without symbolic links, so that `..` in a path relative to it leads where it
/// seems to; what does not exist yet stays as it is written.
func canonicalPath(_ path: String) -> String {
  let absolute = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  var existing = components(of: absolute)
  var rest: [String] = []
  while let last = existing.last {
    if let resolved = realpath("/" + existing.joined(separator: "/"), nil) {
      defer { free(resolved) }
      return ([String(cString: resolved)] + rest).joined(separator: "/")
    }
    rest.insert(last, at: 0)
    existing.removeLast()
  }
  return "/" + rest.joined(separator: "/")
}

/// A path to `target` as seen from the directory `base`; the target's own path when the two have
/// nothing but the root in common.
///
/// Both are absolute. Generated files use it for what lies beside them, so that they say the same
/// in every checkout.
func relativePath(from base: String, to target: String) -> String {
  let base = components(of: base)
  let target = components(of: target)
  let common = zip(base, target).prefix { $0 == $1 }.count
  guard common > 0 else { return "/" + target.joined(separator: "/") }
  let steps = Array(repeating: "..", count: base.count - common) + target[common...]
  return steps.isEmpty ? "." : steps.joined(separator: "/")
}

/// The names in an absolute path, `.` and `..` resolved.
private func components(of path: String) -> [String] {
  path.split(separator: "/").reduce(into: []) { names, name in
    switch name {
    case ".": break
    case "..": names = names.dropLast()
    default: names.append(String(name))
    }
  }
}
