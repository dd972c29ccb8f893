public import Diagnostics

/// Reads a flattened blob, versions 1 to 17, that may be damaged or hostile.
///
/// Every offset is checked before it is followed, nothing is trapped on, and memory stays
/// proportional to the blob. Findings have no place in a text, so they name the blob and the offset.
public struct BlobReader: Sendable {
  /// The longest property name: the specification says 31, and this bounds what a blob whose names
  /// overlap can cost.
  package static let maximumNameLength = 1024

  /// Creates a reader.
  public init() {}

  /// The tree of a blob; `nil` after an error.
  ///
  /// - Complexity: O(*n*) in the bytes of the blob.
  public func read(_ blob: [UInt8], name: String, into bag: inout DiagnosticBag) -> Tree? {
    do {
      let header = try BlobHeader(blob)
      var tree = Tree(bootCPU: header.bootCPU)
      tree.reservations = try reservations(blob, header)
      var walk = StructureWalk(blob: blob, header: header)
      tree.root = try walk.read()
      if walk.hasLateProperty {
        bag.warning("property-after-node", "\(name): a property stands after a child node")
      }
      return tree
    } catch {
      bag.error(error.code, "\(name): \(error.message)")
      return nil
    }
  }

  /// The names of properties as a blob has them, one after the other; empty when it is damaged.
  package func names(of blob: [UInt8]) -> [UInt8] {
    guard let header = try? BlobHeader(blob) else { return [] }
    return Array(blob[header.strings])
  }

  private func reservations(
    _ blob: [UInt8], _ header: BlobHeader
  ) throws(BlobFault) -> [MemoryReservation] {
    var entries: [MemoryReservation] = []
    var offset = header.reservations
    while offset + 16 <= header.totalSize {
      let address = blob.number64(at: offset)
      let size = blob.number64(at: offset + 8)
      if size == 0 { return entries }
      entries.append(MemoryReservation(address: address, size: size))
      offset += 16
    }
    throw BlobFault(
      "blob-reservations", "the memory reservations at \(hex(header.reservations)) have no end")
  }
}

/// What is wrong with a blob.
struct BlobFault: Error {
  let code: DiagnosticCode
  let message: String

  init(_ code: DiagnosticCode, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// An offset as messages show it.
func hex(_ offset: Int) -> String { "0x" + String(offset, radix: 16) }

extension [UInt8] {
  /// The big-endian 32-bit number at an offset, which must be there.
  package func cell(at offset: Int) -> UInt32 {
    UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
      | UInt32(self[offset + 3])
  }

  /// The big-endian 64-bit number at an offset, which must be there.
  package func number64(at offset: Int) -> UInt64 {
    UInt64(cell(at: offset)) << 32 | UInt64(cell(at: offset + 4))
  }
}

/// The header of a blob after its offsets have been checked against the blob's size.
struct BlobHeader {
  let totalSize: Int
  let version: Int
  let reservations: Int
  let structure: Range<Int>
  let strings: Range<Int>
  let bootCPU: UInt32

  init(_ blob: [UInt8]) throws(BlobFault) {
    guard blob.count >= 28 else {
      throw BlobFault("blob-truncated", "\(blob.count) bytes are no blob; its header takes 28")
    }
    guard blob.cell(at: 0) == BlobFormat.magic else {
      throw BlobFault(
        "blob-magic",
        "begins with 0x\(String(blob.cell(at: 0), radix: 16)), a blob begins with 0xd00dfeed")
    }
    let total = Int(blob.cell(at: 4))
    guard total <= blob.count else {
      throw BlobFault(
        "blob-truncated", "the header says \(total) bytes, but there are \(blob.count)")
    }
    version = Int(blob.cell(at: 20))
    let compatible = Int(blob.cell(at: 24))
    guard version >= 1, compatible <= 17, compatible <= version else {
      throw BlobFault(
        "blob-version",
        "version \(version), readable from version \(compatible) on, is not known here")
    }
    let headerSize = version >= 17 ? 40 : version >= 3 ? 36 : version >= 2 ? 32 : 28
    guard total >= headerSize else {
      throw BlobFault(
        "blob-truncated", "\(total) bytes do not hold the header of version \(version)")
    }
    totalSize = total
    reservations = Int(blob.cell(at: 16))
    bootCPU = version >= 2 ? blob.cell(at: 28) : 0
    let structureSize = version >= 17 ? Int(blob.cell(at: 36)) : nil
    let stringsSize = version >= 3 ? Int(blob.cell(at: 32)) : nil
    guard reservations >= headerSize, reservations <= total else {
      throw BlobFault(
        "blob-offset", "the memory reservations are said to be at \(hex(reservations))")
    }
    structure = try Self.block(
      "structure", Int(blob.cell(at: 8)), structureSize, after: headerSize, total)
    strings = try Self.block(
      "strings", Int(blob.cell(at: 12)), stringsSize, after: headerSize, total)
    guard structure.lowerBound % 4 == 0 else {
      throw BlobFault(
        "blob-offset", "the structure at \(hex(structure.lowerBound)) is not aligned to 4")
    }
  }

  private static func block(
    _ name: String, _ offset: Int, _ size: Int?, after header: Int, _ total: Int
  ) throws(BlobFault) -> Range<Int> {
    guard offset >= header, offset <= total, size ?? 0 <= total - offset else {
      throw BlobFault(
        "blob-offset",
        "the \(name) are said to be at \(hex(offset))\(size.map { ", \($0) bytes long" } ?? ""), "
          + "outside of the blob of \(total)")
    }
    return offset..<(offset + (size ?? total - offset))
  }
}

/// One pass over the structure block.
private struct StructureWalk {
  let blob: [UInt8]
  let header: BlobHeader
  private var position: Int
  private var names: [UInt32: String] = [:]
  private(set) var hasLateProperty = false

  init(blob: [UInt8], header: BlobHeader) {
    self.blob = blob
    self.header = header
    position = header.structure.lowerBound
  }

  mutating func read() throws(BlobFault) -> Node {
    var open: [Node] = []
    // The paths of open nodes, which old versions have for names.
    var paths: [String] = []
    // How long the path of each of them is.
    var lengths: [Int] = []
    var root: Node?
    while true {
      let offset = position
      switch try cell() {
      case BlobFormat.nop: continue
      case BlobFormat.beginNode:
        guard open.count < Tree.maximumDepth else {
          throw BlobFault(
            "nesting-too-deep",
            "nodes are nested more than \(Tree.maximumDepth) deep at \(hex(offset))")
        }
        guard root == nil else {
          throw BlobFault("blob-nesting", "a second root node begins at \(hex(offset))")
        }
        var name = try nodeName(isRoot: open.isEmpty)
        if header.version < 16 {
          let path = name
          name = try last(of: path, below: paths.last, at: offset)
          paths.append(path)
        }
        let length = lengths.last.map { $0 + name.utf8.count + 1 } ?? 0
        guard length <= Tree.maximumPathLength else {
          throw BlobFault(
            "nesting-too-deep",
            "the path of the node at \(hex(offset)) is longer than \(Tree.maximumPathLength) bytes")
        }
        lengths.append(length)
        open.append(Node(name))
      case BlobFormat.endNode:
        guard let node = open.popLast() else {
          throw BlobFault("blob-nesting", "a node ends at \(hex(offset)) that never began")
        }
        _ = paths.popLast()
        _ = lengths.popLast()
        if open.isEmpty { root = node } else { open[open.count - 1].children.append(node) }
      case BlobFormat.property:
        guard !open.isEmpty else {
          throw BlobFault("blob-nesting", "a property stands outside of any node at \(hex(offset))")
        }
        if !open[open.count - 1].children.isEmpty { hasLateProperty = true }
        let property = try property(at: offset)
        open[open.count - 1].properties.append(property)
      case BlobFormat.end:
        guard let root, open.isEmpty else {
          throw BlobFault(
            "blob-nesting", "the structure ends at \(hex(offset)) inside \(open.count) nodes")
        }
        return root
      case let token:
        throw BlobFault(
          "blob-token", "\(hex(Int(token))) at \(hex(offset)) is no token of the structure")
      }
    }
  }

  private mutating func cell() throws(BlobFault) -> UInt32 {
    guard position + 4 <= header.structure.upperBound else {
      throw BlobFault(
        "blob-truncated", "the structure ends at \(hex(position)) without its end token")
    }
    defer { position += 4 }
    return blob.cell(at: position)
  }

  private mutating func align(to alignment: Int) {
    let offset = position - header.structure.lowerBound
    position = header.structure.lowerBound + (offset + alignment - 1) / alignment * alignment
  }

  private mutating func nodeName(isRoot: Bool) throws(BlobFault) -> String {
    let name = try text(from: position, in: header.structure, "the name of a node")
    let start = position
    position += name.utf8.count + 1
    align(to: 4)
    if header.version >= 16, isRoot ? !name.isEmpty : name.isEmpty || name.utf8.contains(0x2F) {
      throw BlobFault("blob-name", "'\(name)' at \(hex(start)) cannot be the name of a node")
    }
    return name
  }

  /// The name at the end of a path that must go on from its parent's.
  private func last(
    of path: String, below parent: String?, at offset: Int
  ) throws(BlobFault) -> String {
    guard let parent else { return "" }
    let prefix = parent.hasSuffix("/") ? parent : parent + "/"
    let name = path.dropFirst(prefix.count)
    guard path.hasPrefix(prefix), !name.isEmpty, !name.utf8.contains(0x2F) else {
      throw BlobFault("blob-name", "'\(path)' at \(hex(offset)) is no child of '\(parent)'")
    }
    return String(name)
  }

  private mutating func property(at start: Int) throws(BlobFault) -> Property {
    let length = Int(try cell())
    let nameOffset = try cell()
    if header.version < 16 && length >= 8 { align(to: 8) }
    guard length <= header.structure.upperBound - position else {
      throw BlobFault(
        "blob-truncated", "the property at \(hex(start)) says it has \(length) bytes")
    }
    let bytes = Array(blob[position..<(position + length)])
    position += length
    align(to: 4)
    return Property(try propertyName(nameOffset), PropertyValue(bytes: bytes))
  }

  private mutating func propertyName(_ offset: UInt32) throws(BlobFault) -> String {
    if let known = names[offset] { return known }
    guard Int(offset) < header.strings.count else {
      throw BlobFault(
        "blob-offset", "a property's name is said to be at \(hex(Int(offset))) of the strings")
    }
    let name = try text(
      from: header.strings.lowerBound + Int(offset), in: header.strings,
      limit: BlobReader.maximumNameLength, "the name of a property")
    guard !name.isEmpty else {
      throw BlobFault(
        "blob-name", "a property has an empty name, \(hex(Int(offset))) of the strings")
    }
    names[offset] = name
    return name
  }

  /// Printable text up to its NUL; white space is none of a name's characters, but no danger either,
  /// and `fdtput` puts what it is given.
  private func text(
    from start: Int, in range: Range<Int>, limit: Int = .max, _ what: String
  ) throws(BlobFault) -> String {
    var end = start
    while end < range.upperBound, blob[end] != 0 {
      guard end - start < limit else {
        throw BlobFault("blob-name", "\(what) at \(hex(start)) is longer than \(limit) bytes")
      }
      guard (0x20..<0x7F).contains(blob[end]) || (0x09...0x0D).contains(blob[end]) else {
        throw BlobFault(
          "blob-name",
          "\(what) at \(hex(start)) holds the byte 0x\(String(blob[end], radix: 16))")
      }
      end += 1
    }
    guard end < range.upperBound, blob[end] == 0 else {
      throw BlobFault("blob-truncated", "\(what) at \(hex(start)) never ends")
    }
    return String(decoding: blob[start..<end], as: UTF8.self)
  }
}
