public import Diagnostics

/// Writes a tree as a flattened blob, byte for byte as dtc does.
///
/// ```swift
/// var bag = DiagnosticBag()
/// let blob = BlobWriter().write(tree, into: &bag)  // nil when a reference is undefined
/// ```
public struct BlobWriter: Sendable {
  /// The version to write.
  public var version: BlobVersion = .v17
  /// Zero bytes to append for a boot loader to use; `dtc -p`.
  public var padding = 0
  /// The least size of the blob; `dtc -S`. `padding` goes before it.
  public var minimumSize = 0
  /// What the size must be a multiple of; `dtc -a`.
  public var alignment = 0
  /// Empty memory reservations to add; `dtc -R`.
  public var reservationSlots = 0
  /// Which properties carry invented phandles; `dtc -H`.
  public var phandleFormat: PhandleFormat = .epapr
  /// The names that another blob has, which keep their places, as if that blob were edited in place.
  package var knownNames: [UInt8] = []

  /// Creates a writer of version 17 without padding.
  public init() {}

  /// The blob of a tree whose references are resolved first; `nil` after an error.
  ///
  /// - Complexity: O(*n*) in the size of the tree.
  public func write(_ tree: Tree, into bag: inout DiagnosticBag) -> [UInt8]? {
    var tree = tree
    var findings = DiagnosticBag()
    tree.resolveReferences(phandleFormat: phandleFormat, into: &findings)
    bag.add(contentsOf: findings)
    return findings.hasErrors ? nil : encode(tree, into: &bag)
  }

  /// The blob of a tree as it is, its references as they stand in the bytes.
  public func encode(_ tree: Tree, into bag: inout DiagnosticBag) -> [UInt8]? {
    let reservationsOffset = (version.headerSize + 7) & ~7
    let reservationCount = tree.reservations.count + max(0, reservationSlots) + 1
    let structureOffset = reservationsOffset + 16 * reservationCount
    guard structureOffset <= Int(UInt32.max) else {
      tooLarge(structureOffset, &bag)
      return nil
    }
    // What the file begins with is known when what follows has been written.
    var structure = StructureBlock(version: version, strings: StringsBlock(knownNames))
    let size = tree.withRootPlace { structure.size(of: $0) }
    structure.bytes.reserveCapacity(structureOffset + size + 4096)
    structure.bytes.appendZeros(structureOffset)
    tree.withRootPlace { structure.append($0, path: "") }
    structure.append(BlobFormat.end)
    var blob = structure.bytes
    structure.bytes = []

    let stringsOffset = blob.count
    let used = stringsOffset + structure.strings.bytes.count
    let total = used + slack(after: used)
    guard total <= Int(UInt32.max) else {
      tooLarge(total, &bag)
      return nil
    }

    blob += structure.strings.bytes
    blob.appendZeros(total - blob.count)
    var header: [UInt8] = []
    func append(_ cell: Int) { header.appendCell(UInt32(truncatingIfNeeded: cell)) }
    append(Int(BlobFormat.magic))
    append(total)
    append(structureOffset)
    append(stringsOffset)
    append(reservationsOffset)
    append(version.rawValue)
    append(Int(version.lastCompatible))
    if version.rawValue >= 2 { append(Int(tree.bootCPU)) }
    if version.rawValue >= 3 { append(structure.strings.bytes.count) }
    if version.rawValue >= 17 { append(stringsOffset - structureOffset) }
    header.appendZeros(reservationsOffset - header.count)
    for reservation in tree.reservations {
      for number in [reservation.address, reservation.size] {
        header.appendCell(UInt32(truncatingIfNeeded: number >> 32))
        header.appendCell(UInt32(truncatingIfNeeded: number))
      }
    }
    blob.replaceSubrange(..<header.count, with: header)
    return blob
  }

  private func tooLarge(_ size: Int, _ bag: inout DiagnosticBag) {
    bag.error("blob-too-large", "the blob would be \(size) bytes, but the format ends at 4 GiB")
  }

  private func slack(after used: Int) -> Int {
    var slack = minimumSize > used ? minimumSize - used : 0
    if padding > 0 { slack = padding }
    if alignment > 0 { slack = (used + slack + alignment - 1) / alignment * alignment - used }
    return slack
  }
}

/// The structure block while it is written behind the room for what stands before it, with the
/// strings its properties name.
private struct StructureBlock {
  let version: BlobVersion
  var bytes: [UInt8] = []
  var strings: StringsBlock

  /// How many bytes a node takes in the versions without paths; for the others somewhat less than it
  /// does. Told beforehand, so that a large block need not grow.
  func size(of node: UnsafePointer<Node>) -> Int {
    var size = 12 + (node.pointee.name.utf8.count + 4) / 4 * 4
    node.forEachProperty { size += 12 + ($0.pointee.value.count + 3) / 4 * 4 }
    node.forEachChild { size += self.size(of: $0) }
    return size
  }

  mutating func append(_ cell: UInt32) { bytes.appendCell(cell) }

  mutating func append(_ node: UnsafePointer<Node>, path: String) {
    append(BlobFormat.beginNode)
    var path = path
    if version.isOld {
      if !path.hasSuffix("/") { path += "/" }
      path += node.pointee.name
      bytes += path.utf8
    } else {
      bytes += node.pointee.name.utf8
    }
    bytes.append(0)
    bytes.alignUp(to: 4)
    var hasName = false
    node.forEachProperty { property in
      if version.isOld && property.pointee.name == "name" { hasName = true }
      append(property.pointee.name, property.pointee.value.contents)
    }
    if version.isOld && !hasName {
      append("name", ValueBytes(Array(node.pointee.baseName.utf8) + [0]))
    }
    node.forEachChild { append($0, path: path) }
    append(BlobFormat.endNode)
  }

  private mutating func append(_ name: String, _ value: ValueBytes) {
    append(BlobFormat.property)
    append(UInt32(truncatingIfNeeded: value.count))
    append(strings.offset(of: name))
    if version.isOld && value.count >= 8 { bytes.alignUp(to: 8) }
    bytes.append(value)
    bytes.alignUp(to: 4)
  }
}

extension [UInt8] {
  /// Appends a 32-bit big-endian number.
  mutating func appendCell(_ cell: UInt32) {
    // SAFETY: the bytes of `cell` are read inside the closure, where they live.
    Swift.withUnsafeBytes(of: cell.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends zeros.
  mutating func appendZeros(_ count: Int) {
    if count > 0 { append(contentsOf: repeatElement(0, count: count)) }
  }

  /// Appends zeros up to a multiple of a power of two.
  mutating func alignUp(to alignment: Int) { appendZeros(-count & (alignment - 1)) }
}
