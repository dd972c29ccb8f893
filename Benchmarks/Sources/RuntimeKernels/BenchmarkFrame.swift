/// A frame of a length, to and from stations that nobody has.
func benchmarkFrame(_ length: Int, to destination: UInt8, from source: UInt8) -> [UInt8] {
  var frame = [UInt8](repeating: 0x5a, count: length)
  frame.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, destination])
  frame.replaceSubrange(6..<12, with: [2, 0, 0, 0, 0, source])
  frame.replaceSubrange(12..<14, with: [0x88, 0xb5])
  return frame
}
