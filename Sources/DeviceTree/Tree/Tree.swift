/// A range of physical memory that the booted system must not touch (`/memreserve/`).
public struct MemoryReservation: Sendable, Hashable {
  /// The first address.
  public var address: UInt64
  /// The number of bytes.
  public var size: UInt64
  /// The labels in front of the entry.
  public var labels: [String]

  /// Creates an entry.
  public init(address: UInt64, size: UInt64, labels: [String] = []) {
    self.address = address
    self.size = size
    self.labels = labels
  }
}

/// A whole device tree: the root node and what stands beside it in source and blob.
///
/// A tree is a value; copies share storage until one of them changes. No tree made by a reader is
/// deeper than ``maximumDepth``, and every function here may recurse that deep.
public struct Tree: Sendable, Hashable {
  /// The deepest nesting that readers accept. Real trees stay below ten; this bounds recursion, so
  /// that a hostile one cannot exhaust the stack of any thread, optimised or not.
  public static let maximumDepth = 1024

  /// The longest full path of a node, in bytes, that readers accept: as long as Linux takes a path to be, which
  /// shows trees below `/proc/device-tree`. Who knows nodes by their paths has one for each, so that a long name
  /// with many nodes below it would take memory without bound.
  package static let maximumPathLength = 4096

  /// The root node; its name is empty.
  public var root: Node
  /// The memory reservations in order.
  public var reservations: [MemoryReservation]
  /// The physical id of the processor that boots, for the blob's header.
  public var bootCPU: UInt32
  /// Whether this is an overlay (`/plugin/`), whose references may point outside of it.
  public var isPlugin: Bool

  /// Creates a tree; without a root it is empty.
  public init(
    root: Node? = nil, reservations: [MemoryReservation] = [], bootCPU: UInt32 = 0,
    isPlugin: Bool = false
  ) {
    self.root = root ?? Node("")
    self.reservations = reservations
    self.bootCPU = bootCPU
    self.isPlugin = isPlugin
  }

  /// Creates a tree whose root is handed to `build`.
  public init(_ build: (inout Node) -> Void) {
    self.init()
    build(&root)
  }

  /// The node at a path.
  ///
  /// A component without unit address also finds the first child of that base name, and a path that
  /// does not begin with a slash begins with an alias from `/aliases`.
  public subscript(path: String) -> Node? {
    guard let indices = indices(ofPath: path) else { return nil }
    return indices.reduce(root) { $0.children[$1] }
  }

  /// Reads the node at a path without a copy of it; `nil` when there is no such node.
  func read<Result>(_ path: String, _ body: (borrowing Node) -> Result) -> Result? {
    indices(ofPath: path).map { root.node(at: $0[...], body) }
  }

  /// How deep the node at a path stands, the root at 1, and how long its full path is; `nil` when there is no
  /// such node.
  func extent(ofPath path: String) -> (depth: Int, length: Int)? {
    guard let indices = indices(ofPath: path) else { return nil }
    var extent = (depth: 1, length: 0)
    var node = root
    for index in indices {
      node = node.children[index]
      extent.depth += 1
      extent.length += node.name.utf8.count + 1
    }
    return extent
  }

  /// Changes the node at a path in place; `nil` when there is no such node.
  public mutating func update<Result>(
    _ path: String, _ change: (inout Node) throws -> Result
  ) rethrows -> Result? {
    try update(path, nil, change)
  }

  /// Does so with the help of the root's children by name.
  mutating func update<Result>(
    _ path: String, _ children: ChildPlaces?, _ change: (inout Node) throws -> Result
  ) rethrows -> Result? {
    guard let indices = indices(ofPath: path, children) else { return nil }
    return try root.update(at: indices[...], change)
  }

  /// Removes the node at a path with everything below it; says whether there was one.
  @discardableResult
  public mutating func remove(_ path: String) -> Bool {
    guard let indices = indices(ofPath: path), let last = indices.last else { return false }
    root.update(at: indices.dropLast()) { _ = $0.children.remove(at: last) }
    return true
  }

  private func indices(ofPath path: String, _ children: ChildPlaces? = nil) -> [Int]? {
    var indices: [Int] = []
    func descend(_ path: Substring) -> Bool {
      let known = indices.isEmpty ? children : nil
      return root.node(at: indices[...]) { $0.appendIndices(of: path.utf8, known, to: &indices) }
    }
    guard !path.hasPrefix("/") else { return descend(path[...]) ? indices : nil }
    let alias = path.prefix { $0 != "/" }
    guard let base = root.child("aliases")?[String(alias)]?.string, base.hasPrefix("/") else {
      return nil
    }
    return descend(base[...]) && descend(path.dropFirst(alias.count)) ? indices : nil
  }
}

extension Node {
  /// Appends the child indices that a path leads along; false when it leads nowhere.
  fileprivate func appendIndices(
    of path: Substring.UTF8View, _ known: ChildPlaces? = nil, to indices: inout [Int]
  ) -> Bool {
    let slash = UInt8(ascii: "/")
    let start = path.drop { $0 == slash }
    guard !start.isEmpty else { return true }
    let bytes = start.prefix { $0 != slash }
    let name = String(Substring(bytes))
    guard let index = known?[name] ?? childIndex(name) else { return false }
    indices.append(index)
    return children[index].appendIndices(of: start[bytes.endIndex...], to: &indices)
  }

  fileprivate func node<Result>(
    at indices: ArraySlice<Int>, _ body: (borrowing Node) -> Result
  ) -> Result {
    guard let first = indices.first else { return body(self) }
    return children[first].node(at: indices.dropFirst(), body)
  }

  /// Changes the node below this one that child indices lead to.
  mutating func update<Result>(
    at indices: ArraySlice<Int>, _ change: (inout Node) throws -> Result
  ) rethrows -> Result {
    guard let first = indices.first else { return try change(&self) }
    return try children[first].update(at: indices.dropFirst(), change)
  }
}
