/// What may stand at a place in a document: the one declaration behind reading and JSON schema.
package indirect enum FactShape: Sendable {
  /// A text that is not empty.
  case text
  /// `true` or `false`.
  case flag
  /// A whole number in a range; in a row of a table it may count: `104 + 2 * n`.
  case number(ClosedRange<UInt64>)
  /// A number of bytes: `16 KiB`.
  case size(ClosedRange<UInt64>)
  /// A frequency: `1500 MHz`.
  case frequency
  /// Two numbers: `3.0`.
  case revision
  /// A range of numbers: `0x21-0x2f`.
  case range(ClosedRange<UInt64>)
  /// One of a few words.
  case word([String])
  /// A list.
  case list(FactShape)
  /// Rows by number; a key may be a range, for as many rows.
  case rows(ClosedRange<UInt64>, FactShape)
  /// Entries by names of the writer's own; a key may end in a range of numbers: `gb0-3`.
  case names(FactShape)
  /// Known keys.
  case record([FactField])
}

/// A key of a record.
package struct FactField: Sendable {
  /// The key.
  package var name: String
  /// What stands behind it.
  package var shape: FactShape
  /// One sentence for people, without a full stop.
  package var about: String

  /// Creates a key.
  package init(_ name: String, _ shape: FactShape, _ about: String) {
    self.name = name
    self.shape = shape
    self.about = about
  }
}
