public import Diagnostics

extension NodeReport {
  /// The facts for people: the path, a table of addresses, one of interrupts, then the properties
  /// and the names of children.
  public var text: String {
    let printer = SourcePrinter()
    var text = path + "\n"
    if !node.labels.isEmpty { text += "labels: \(node.labels.joined(separator: ", "))\n" }
    if let registers {
      if !registers.isEmpty {
        var table = TextTable([("reg", .right), ("size", .right), ("CPU address", .right)])
        for register in registers {
          table.add([
            address(register.local), hexadecimal(register.local.size),
            register.physical.map(address) ?? "not mapped",
          ])
        }
        text += "\n" + table.text
      }
    } else {
      text += "\nreg does not fit the cells of the bus\n"
    }
    if let interrupts {
      if !interrupts.isEmpty {
        let isMapped = interrupts.contains { $0.arrival != $0.sent }
        var table = TextTable(
          [("interrupt", .left), ("controller", .left)] + (isMapped ? [("arrives as", .left)] : []))
        for interrupt in interrupts {
          let arrival = interrupt.arrival.map { "\(cells($0)) at \($0.controller)" } ?? "not mapped"
          table.add(
            [cells(interrupt.sent), interrupt.sent.controller] + (isMapped ? [arrival] : []))
        }
        text += "\n" + table.text
      }
    } else {
      text += "\nthe interrupts do not fit their controller, or it is missing\n"
    }
    if !node.properties.isEmpty { text += "\n" }
    for property in node.properties {
      let value = printer.print(property.value)
      text += value.isEmpty ? "\(property.name)\n" : "\(property.name) = \(value)\n"
    }
    if !node.children.isEmpty { text += "\n" }
    for child in node.children { text += "\(child.name)/\n" }
    return text
  }

  /// The facts for programs; addresses are strings in hexadecimal, for they may not fit a number.
  public var json: JSONValue {
    let printer = SourcePrinter()
    func list(_ value: [JSONValue]?) -> JSONValue { value.map { .array($0) } ?? .null }
    return [
      "path": .string(path), "labels": .array(node.labels.map { .string($0) }),
      "reg": list(
        registers?.map { register in
          [
            "address": .string(address(register.local)),
            "size": .string(hexadecimal(register.local.size)),
            "physical": register.physical.map { .string(address($0)) } ?? .null,
          ]
        }),
      "interrupts": list(
        interrupts?.map { interrupt in
          [
            "controller": .string(interrupt.sent.controller),
            "specifier": .array(interrupt.sent.specifier.map { JSONValue($0) }),
            "arrival": interrupt.arrival.map {
              [
                "controller": .string($0.controller),
                "specifier": .array($0.specifier.map { JSONValue($0) }),
              ]
            } ?? .null,
          ]
        }),
      "properties": .array(
        node.properties.map {
          ["name": .string($0.name), "value": .string(printer.print($0.value))]
        }),
      "children": .array(node.children.map { .string($0.name) }),
    ]
  }

  private func cells(_ interrupt: Interrupt) -> String {
    interrupt.specifier.map(String.init).joined(separator: " ")
  }

  /// An address with what stands above its low 64 bits.
  private func address(_ range: AddressRange) -> String {
    range.space == 0
      ? hexadecimal(range.address) : "\(hexadecimal(range.space)):\(hexadecimal(range.address))"
  }
}
