import Diagnostics

/// Where the parts of a tree were written, kept for `dtc -T`: of a node every place that adds to it, of
/// a property the statement that gave it its value.
///
/// Spans reach from a node's brace, or a property's name, to the semicolon that ends it. Nodes are
/// known by their full paths, so that what is added to the tree later simply has no places.
package struct SourcePlaces: Sendable {
  struct NodePlaces: Sendable {
    var spans: [SourceSpan] = []
    var properties: [String: SourceSpan] = [:]
  }

  private var nodes: [String: NodePlaces] = [:]

  mutating func set(_ places: NodePlaces, ofNode path: String) { nodes[path] = places }

  func spans(ofNode path: String) -> [SourceSpan] { nodes[path]?.spans ?? [] }

  func span(of property: String, in path: String) -> SourceSpan? {
    nodes[path]?.properties[property]
  }
}

/// Writes the comments of `dtc -T`.
package struct SourceNotes: Sendable {
  private let places: SourcePlaces
  private let hasColumns: Bool
  private let directory: [Substring]

  /// Takes where things were written.
  ///
  /// - Parameters:
  ///   - places: The places.
  ///   - mainFile: The file that was named first; short forms of names are relative to its directory.
  ///   - hasColumns: Whether to tell columns and full names (`-T -T`), and what has no place.
  package init(_ places: SourcePlaces, mainFile: String, hasColumns: Bool) {
    self.places = places
    self.hasColumns = hasColumns
    directory = mainFile.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  }

  func comment(ofProperty name: String, in path: String) -> String {
    comment(places.span(of: name, in: path).map { [$0] } ?? [], atEnd: false)
  }

  func comment(ofNode path: String, atEnd: Bool) -> String {
    comment(places.spans(ofNode: path), atEnd: atEnd)
  }

  private func comment(_ spans: [SourceSpan], atEnd: Bool) -> String {
    if spans.isEmpty { return hasColumns ? " /* <no-file>:<no-line> */" : "" }
    let words = spans.map { text($0, atEnd: atEnd) }
    return " /* \(words.joined(separator: ", ")) */"
  }

  private func text(_ span: SourceSpan, atEnd: Bool) -> String {
    let (start, end) = (place(span.start, in: span.file), place(span.end, in: span.file))
    let file = start.file == "-" ? "<stdin>" : start.file
    guard hasColumns else { return "\(relative(file)):\((atEnd ? end : start).line)" }
    return "\(file):\(start.line):\(span.start.column)-\(end.line):\(span.end.column)"
  }

  /// The user's own file and line of a position, where a preprocessor was at work.
  private func place(
    _ position: SourcePosition, in file: SourceFile
  ) -> (file: String, line: Int) {
    let offset = file.offset(line: position.line, column: 1)
    let origin = SourceSpan(file, offset..<offset).atOrigin
    return (origin.file.name, origin.start.line)
  }

  /// A file's name as seen from the directory of the main file.
  private func relative(_ name: String) -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    var common = 0
    while common < directory.count, common < parts.count - 1, directory[common] == parts[common] {
      common += 1
    }
    let up = Array(repeating: Substring(".."), count: directory.count - common)
    return (up + parts[common...]).joined(separator: "/")
  }
}

/// The places while a tree is assembled, by the numbers of its parts.
struct AssemblyPlaces {
  private var nodes: [TreeAssembly.NodeID: [SourceSpan]] = [:]
  private var properties: [TreeAssembly.PropertyID: SourceSpan] = [:]

  mutating func add(_ span: SourceSpan, toNode node: TreeAssembly.NodeID) {
    nodes[node, default: []].append(span)
  }

  mutating func set(_ span: SourceSpan, ofProperty property: TreeAssembly.PropertyID) {
    properties[property] = span
  }

  mutating func merge(_ source: TreeAssembly.NodeID, into target: TreeAssembly.NodeID) {
    nodes[target, default: []] += nodes.removeValue(forKey: source) ?? []
  }

  mutating func replace(_ old: TreeAssembly.PropertyID, by new: TreeAssembly.PropertyID) {
    properties[old] = properties[new]
  }

  /// The places by path of what is left of a tree.
  func places(of assembly: TreeAssembly) -> SourcePlaces {
    var result = SourcePlaces()
    if let root = assembly.root { collect(root, "", assembly, into: &result) }
    return result
  }

  private func collect(
    _ node: TreeAssembly.NodeID, _ path: String, _ assembly: TreeAssembly,
    into result: inout SourcePlaces
  ) {
    var own = SourcePlaces.NodePlaces(spans: nodes[node] ?? [])
    var property = assembly.nodes[Int(node)].firstProperty
    while property >= 0 {
      let record = assembly.properties[Int(property)]
      if !record.isDeleted, own.properties[record.name] == nil {
        own.properties[record.name] = properties[property]
      }
      property = record.next
    }
    result.set(own, ofNode: path.isEmpty ? "/" : path)
    var child = assembly.nodes[Int(node)].firstChild
    while child >= 0 {
      let record = assembly.nodes[Int(child)]
      if !record.isDeleted { collect(child, path + "/" + record.name, assembly, into: &result) }
      child = record.next
    }
  }
}
