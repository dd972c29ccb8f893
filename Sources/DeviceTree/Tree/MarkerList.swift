/// The markers of a value. The two that nearly all values have, one group of cells or one string, take
/// no storage.
enum MarkerList: Sendable, Hashable {
  /// Nothing is known but the bytes.
  case none
  /// One group of 32-bit cells.
  case cells
  /// One string, or one that commas have not cut.
  case string
  /// Anything else; never what one of the others says.
  case list([Marker])

  init(_ markers: [Marker]) {
    self =
      switch (markers.count, markers.first?.kind, markers.first?.offset) {
      case (0, _, _): .none
      case (1, .cells(.bits32), 0): .cells
      case (1, .string, 0): .string
      default: .list(markers)
      }
  }

  private static let onlyCells = [Marker(.cells(.bits32), at: 0)]
  private static let onlyString = [Marker(.string, at: 0)]

  var array: [Marker] {
    switch self {
    case .none: []
    case .cells: Self.onlyCells
    case .string: Self.onlyString
    case .list(let markers): markers
    }
  }

  /// Whether any marker is more than a type: a label or a reference.
  var namesPlaces: Bool {
    guard case .list(let markers) = self else { return false }
    return markers.contains { !$0.kind.isType }
  }
}
