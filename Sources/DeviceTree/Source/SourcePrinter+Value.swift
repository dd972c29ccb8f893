extension SourcePrinter {
  /// A value on one line as people write it, without `=` and semicolon; empty for an empty value.
  public func print(_ value: PropertyValue) -> String {
    var output = TextOutput()
    ReadableValuePrinter.print(value, depth: 0, to: &output)
    return output.text.split(separator: "\n").map { line in
      String(line.drop { $0 == "\t" || $0 == " " || $0 == "=" })
    }.joined(separator: " ")
  }
}
