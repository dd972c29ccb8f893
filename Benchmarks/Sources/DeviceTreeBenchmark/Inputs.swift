/// Sources of any size, the same each time.
enum Inputs {
  typealias Put = (String) -> Void

  /// How many children a node has: dtc takes no more than about 9,990.
  private static let group = 1000

  private static func hex(_ number: Int) -> String { "0x" + String(number, radix: 16) }

  /// Buses of a thousand devices each, 113 bytes a device.
  static func devices(_ count: Int, _ put: Put) {
    put("/dts-v1/;\n/ {\n\t#address-cells = <1>;\n\t#size-cells = <1>;\n")
    grouped(count, put) { index in
      put(
        "\t\tdev@\(String(index, radix: 16)) { compatible = \"acme,device-v1\", \"acme,device\"; "
          + "reg = <\(hex(index)) 0x100>; interrupts = <\(index % 250) 4>; };\n")
    }
    put("};\n")
  }

  /// Properties of a megabyte each.
  static func cells(_ count: Int, _ put: Put) {
    put("/dts-v1/;\n/ {\n")
    var state: UInt32 = 1
    let row = 91_000
    for property in 0..<(count / row) {
      put("\tvalue\(property) = <")
      for column in 0..<row {
        state = state &* 1_664_525 &+ 1_013_904_223
        let digits = String(state, radix: 16)
        put(column % 8 == 0 ? "\n\t0x" : " 0x")
        put(String(repeating: "0", count: 8 - digits.count) + digits)
      }
      put(">;\n")
    }
    put("};\n")
  }

  /// Nodes with a label each, each referring to another.
  static func labels(_ count: Int, _ put: Put) {
    put("/dts-v1/;\n/ {\n")
    grouped(count, put) { index in
      let other = (index * 7919 + 1) % count
      put("\t\tn\(index): node\(index) { next = <&n\(other)>; };\n")
    }
    put("};\n")
  }

  /// All nodes in one.
  static func children(_ count: Int, _ put: Put) {
    put("/dts-v1/;\n/ {\n")
    for index in 0..<count { put("\tnode\(index) { value = <\(index)>; };\n") }
    put("};\n")
  }

  /// A tree to lay overlays over.
  static func base(_ count: Int, _ put: Put) { labels(count, put) }

  /// An overlay with a fragment for each of so many nodes of the base.
  static func overlay(_ targets: Int, of count: Int, _ put: Put) {
    put("/dts-v1/;\n/plugin/;\n")
    for index in 0..<targets {
      let target = index * (count / targets)
      put("&n\(target) { status = \"okay\"; peer = <&n\((target + 1) % count)>; };\n")
    }
  }

  private static func grouped(_ count: Int, _ put: Put, _ body: (Int) -> Void) {
    for start in stride(from: 0, to: count, by: group) {
      put("\tbus\(start / group) {\n")
      for index in start..<min(start + group, count) { body(index) }
      put("\t};\n")
    }
  }
}
