/// The value of a property: bytes as the blob has them, and markers that say how they were meant.
///
/// Build one from typed parts, joined by `+` as commas join them in source:
///
/// ```swift
/// node.set("compatible", .strings(["fsl,p4080-qman", "fsl,qman"]))
/// node.set("interrupts-extended", .cells([.reference("mpic"), 96, 2, 1, 3]))
/// node.set("mixed", .cells([1, 2]) + .string("three") + .bytes([4]))
/// ```
public struct PropertyValue: Sendable, Hashable {
  var contents: ValueBytes
  var marks: MarkerList

  /// Creates a value from bytes of which nothing more is known.
  public init(bytes: [UInt8] = []) { self.init(contents: ValueBytes(bytes), marks: .none) }

  init(bytes: [UInt8], markers: [Marker]) {
    self.init(
      contents: bytes.count > ValueBytes.capacity ? .long(bytes) : ValueBytes(bytes),
      marks: MarkerList(markers))
  }

  init(contents: ValueBytes, marks: MarkerList) {
    self.contents = contents
    self.marks = marks
  }

  /// The bytes in the blob's order (big-endian). Unresolved phandles are `0xFFFFFFFF`, unresolved
  /// paths have no bytes yet.
  public var bytes: [UInt8] { contents.array }
  /// What stands where, by rising offset; empty when nothing is known but the bytes.
  public var markers: [Marker] { marks.array }

  /// The number of bytes.
  public var count: Int { contents.count }
  /// Whether there are no bytes and no pending path: the property's presence is its value.
  public var isEmpty: Bool {
    contents.isEmpty
      && !markers.contains { if case .path = $0.kind { true } else { false } }
  }

  /// Whether the markers say how the bytes were meant.
  public var isTyped: Bool { markers.contains { $0.kind.isType } }

  /// The references in the value, in order.
  public var references: [Reference] {
    guard case .list(let markers) = marks else { return [] }
    return markers.compactMap { marker in
      switch marker.kind {
      case .phandle(let reference), .path(let reference): reference
      default: nil
      }
    }
  }

  /// The value without its markers: what a blob keeps of it.
  public var withoutMarkers: PropertyValue { PropertyValue(contents: contents, marks: .none) }
}

/// A number in a group of cells, or a reference to a node that stands for its phandle.
public enum Cell: Sendable, Hashable, ExpressibleByIntegerLiteral {
  /// A 32-bit number.
  case value(UInt32)
  /// The phandle of a node.
  case reference(Reference)

  /// Creates a number.
  public init(integerLiteral value: UInt32) { self = .value(value) }
  /// Creates a number.
  public init(_ value: UInt32) { self = .value(value) }
}

extension PropertyValue {
  /// A property that has no value but is present.
  public static var empty: PropertyValue { PropertyValue() }

  /// One string.
  public static func string(_ text: String) -> PropertyValue { built { $0.append(string: text) } }

  /// A list of strings.
  public static func strings(_ texts: [String]) -> PropertyValue {
    built { for text in texts { $0.append(string: text) } }
  }

  /// A group of cells, numbers and references mixed.
  public static func cells(_ cells: [Cell]) -> PropertyValue { built { $0.append(cells: cells) } }

  /// A group of cells.
  public static func cells(_ numbers: some Sequence<UInt32>) -> PropertyValue {
    built { $0.append(cells: numbers.lazy.map { Cell($0) }) }
  }

  /// Groups of cells, one for each row, as in `<0 1>, <2 3>`.
  public static func rows(_ rows: [[Cell]]) -> PropertyValue {
    built { for row in rows { $0.append(cells: row) } }
  }

  /// One 32-bit cell.
  public static func cell(_ number: UInt32) -> PropertyValue { .cells([.value(number)]) }

  /// One 64-bit number as two cells, high half first.
  public static func u64(_ number: UInt64) -> PropertyValue {
    .cells([
      .value(UInt32(truncatingIfNeeded: number >> 32)), Cell(UInt32(truncatingIfNeeded: number)),
    ])
  }

  /// A group of integers of another width, `/bits/ 16 <…>`; each is cut to the width.
  public static func integers(_ numbers: [UInt64], width: CellWidth) -> PropertyValue {
    built {
      $0.mark(.cells(width))
      for number in numbers { $0.appendInteger(number, byteCount: width.byteCount) }
    }
  }

  /// A byte string `[…]`.
  public static func bytes(_ bytes: [UInt8]) -> PropertyValue {
    PropertyValue(bytes: bytes, markers: [Marker(.bytes, at: 0)])
  }

  /// The phandle of a node, `<&label>`.
  public static func reference(_ reference: Reference) -> PropertyValue {
    .cells([.reference(reference)])
  }

  /// The full path of a node as a string, `&label` outside of angle brackets.
  public static func path(_ reference: Reference) -> PropertyValue {
    PropertyValue(bytes: [], markers: [Marker(.string, at: 0), Marker(.path(reference), at: 0)])
  }

  /// Both values, one after the other, as a comma joins them in source.
  public static func + (left: PropertyValue, right: PropertyValue) -> PropertyValue {
    var value = left
    value.append(right)
    return value
  }

  /// Appends a value, as after a comma in source.
  public mutating func append(_ other: PropertyValue) {
    var builder = ValueBuilder(bytes: bytes, markers: markers)
    builder.append(other)
    self = builder.value
  }

  private static func built(_ build: (inout ValueBuilder) -> Void) -> PropertyValue {
    var builder = ValueBuilder()
    build(&builder)
    return builder.value
  }
}
