/// A value while it grows part by part.
struct ValueBuilder {
  var bytes: [UInt8] = []
  var markers: [Marker] = []

  var count: Int { bytes.count }
  /// Whether the markers say how the bytes are meant.
  var isTyped: Bool { markers.contains { $0.kind.isType } }

  /// The value so far.
  var value: PropertyValue { PropertyValue(bytes: bytes, markers: markers) }

  /// What a builder keeps to fill again; a larger buffer goes with its value.
  private static let keptCapacity = 4096

  /// Takes the value out; what it was built in serves the next one.
  mutating func take() -> PropertyValue {
    if bytes.count > Self.keptCapacity {
      defer { self = ValueBuilder() }
      return value
    }
    let contents: ValueBytes =
      bytes.count <= ValueBytes.capacity
      ? ValueBytes(bytes)
      // SAFETY: the pointer is read inside the closure only; this makes a copy of just that size.
      : .long(bytes.withUnsafeBufferPointer { Array($0) })
    let value = PropertyValue(contents: contents, marks: MarkerList(markers))
    bytes.removeAll(keepingCapacity: true)
    markers.removeAll(keepingCapacity: true)
    return value
  }

  /// Says what begins or stands at the end of what there is so far.
  mutating func mark(_ kind: Marker.Kind) { markers.append(Marker(kind, at: bytes.count)) }

  /// Appends a value, as after a comma in source.
  mutating func append(_ other: PropertyValue) {
    let base = bytes.count
    bytes.append(other.contents)
    for marker in other.markers { markers.append(Marker(marker.kind, at: marker.offset + base)) }
  }

  /// Appends an integer in big-endian order.
  mutating func appendInteger(_ number: UInt64, byteCount: Int) {
    for index in (0..<byteCount).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index)))
    }
  }

  /// Appends a group of cells.
  mutating func append(cells: some Sequence<Cell>) {
    mark(.cells(.bits32))
    for cell in cells {
      switch cell {
      case .value(let number): appendInteger(UInt64(number), byteCount: 4)
      case .reference(let reference):
        mark(.phandle(reference))
        appendInteger(0xFFFF_FFFF, byteCount: 4)
      }
    }
  }

  /// Appends a string with its NUL.
  mutating func append(string: String) {
    mark(.string)
    bytes += string.utf8
    bytes.append(0)
  }
}
