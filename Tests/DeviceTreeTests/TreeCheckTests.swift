import DeviceTree
import DeviceTreeCommands
import Diagnostics
import Foundation
import Testing

import class TestSupport.ChildProcess

/// A source that trips a check, with the check's name in dtc's spelling.
private let trips: [(name: String, body: String)] = [
  ("duplicate_node_names", "n { }; n { };"),
  ("duplicate_property_names", "a; a;"),
  ("node_name_chars", ""),
  ("node_name_format", "n@1@2 { };"),
  ("property_name_chars", "a@1;"),
  ("name_is_string", "n { name = <1>; };"),
  ("name_properties", "n { name = \"m\"; };"),
  ("duplicate_label", "l: a = l: <1>; m { l: n { }; };"),
  (
    "explicit_phandles",
    "n { phandle = <1 2>; }; m { phandle = <0>; }; k { phandle = <&x>; }; x: x { };"
  ),
  ("phandle_references", "a = <&b>;"),
  ("path_references", "a = &b;"),
  ("address_cells_is_cell", "#address-cells = <1 2>;"),
  ("size_cells_is_cell", "#size-cells = \"x\";"),
  ("device_type_is_string", "device_type = <1>;"),
  ("model_is_string", "model = \"a\", \"b\";"),
  ("status_is_string", "status;"),
  ("label_is_string", "label = [01 02];"),
  ("compatible_is_string_list", "compatible = [61 62];"),
  ("names_is_string_list", "reg-names = <1>;"),
  ("reg_format", "reg = <1>; n@1 { reg = <1>; };"),
  ("ranges_format", "n { ranges; }; m@0 { #address-cells = <1>; ranges = <1>; };"),
  ("dma_ranges_format", "n { dma-ranges; #size-cells = <2>; };"),
  ("node_name_vs_property_name", "n; n { };"),
  ("unit_address_vs_reg", "n@1 { }; m { reg = <1 2 3>; };"),
  ("unit_address_format", "n@0x1 { reg = <0 1 1>; }; m@01 { reg = <0 1 1>; };"),
  ("obsolete_chosen_interrupt_controller", "chosen { interrupt-controller; };"),
  ("chosen_node_is_root", "n { chosen { }; };"),
  ("chosen_node_bootargs", "chosen { bootargs = <1>; };"),
  ("chosen_node_stdout_path", "chosen { linux,stdout-path = \"x\"; };"),
  ("alias_paths", "aliases { a = \"/nope\"; A_b = \"/aliases\"; };"),
  ("avoid_default_addr_size", "n { m@1 { reg = <0 1 1>; }; };"),
  ("avoid_unnecessary_addr_size", "n { #address-cells = <1>; #size-cells = <0>; m { }; };"),
  (
    "unique_unit_address",
    """
    #address-cells = <1>; #size-cells = <0>;
    a@1 { reg = <1>; }; b@1 { reg = <1>; }; c@1 { reg = <1>; };
    """
  ),
  (
    "pci_bridge",
    "pc { device_type = \"pci\"; bus-range = <5 4>; }; pci { device_type = \"pci\"; bus-range; };"
  ),
  (
    "pci_device_reg",
    """
    pci { device_type = "pci"; ranges; #address-cells = <3>; #size-cells = <2>;
      a@1 { reg = <0x800 1 0 0 0>; }; b@1,1 { reg = <0x1000900 0 0 0 0>; };
      c@2 { reg = <0x1001 0 0 0 0>; }; };
    """
  ),
  (
    "pci_device_bus_num",
    """
    pcie@0 { reg = <0 0 0>; device_type = "pci"; ranges = <0 0 0 0 0 0 0>; #address-cells = <3>;
      #size-cells = <2>; a@1 { reg = <0x10800 0 0 0 0>; }; };
    """
  ),
  (
    "simple_bus_reg",
    """
    s { compatible = "simple-bus"; #address-cells = <1>; #size-cells = <0>; ranges = <1 2 3>;
      a@1 { reg = <2>; }; b { }; };
    """
  ),
  (
    "i2c_bus_bridge",
    "i2c { #address-cells = <2>; a@1 { reg = <0 1 1>; }; };"
  ),
  (
    "i2c_bus_reg",
    """
    i2c { #address-cells = <1>; #size-cells = <0>; a@1 { reg = <2>; }; b@99 { reg = <0x99>; }; c { }; e@10 { reg = <0x40000010>; }; };
    """
  ),
  (
    "spi_bus_bridge",
    """
    qspi@1 { reg = <0 1 1>; #address-cells = <1>; #size-cells = <0>;
      f@0 { reg = <0>; spi-max-frequency = <1>; }; };
    spi { a { }; };
    """
  ),
  ("spi_bus_reg", "spi { #address-cells = <1>; #size-cells = <0>; a@1 { reg = <2>; }; b { }; };"),
  ("clocks_is_cell", "c: c { #clock-cells = \"x\"; };"),
  ("clocks_property", "clocks = <&c 1>, <&d 2>, <0>, <5>; c: c { #clock-cells = <1>; }; d: d { };"),
  ("resets_property", "resets = <&c 1>; c: c { #reset-cells = <2>; };"),
  ("msi_parent_property", "msi-parent = <&c>, [01]; c: c { };"),
  ("gpios_property", "x-gpios = <&c>; foo,nr-gpios = <7>; h { gpio-hog; gpios = <1>; }; c: c { };"),
  (
    "interrupts_extended_property",
    "interrupts-extended = <&c 1>; c: c { #interrupt-cells = <2>; };"
  ),
  (
    "interrupts_property",
    """
    a { interrupts = <1>; }; b { interrupts = <1 2 3>; interrupt-parent = <&c>; };
    d { interrupts = <1>; interrupt-parent = <&e>; }; e: e { };
    f { interrupts = <1>; interrupt-parent = <99>; }; g { interrupts = [01]; };
    c: c { interrupt-controller; #interrupt-cells = <2>; #address-cells = <0>; };
    """
  ),
  ("interrupt_provider", "c: c { interrupt-controller; }; d { #interrupt-cells = <1>; };"),
  ("interrupt_map", "n { interrupt-map = <1>; };"),
  (
    "interrupt_map", "n { #address-cells = <0>; #interrupt-cells = <1>; interrupt-map = <1 9 1>; };"
  ),
  (
    "interrupt_map",
    """
    c: c { interrupt-controller; #interrupt-cells = <2>; #address-cells = <0>; };
    n { #address-cells = <0>; #interrupt-cells = <1>; interrupt-map = <1 &c 1 2>, <2 &c 1>; };
    """
  ),
  (
    "interrupt_map",
    """
    c: c { interrupt-controller; #interrupt-cells = <1>; #address-cells = <0>; };
    n { #address-cells = <0>; #interrupt-cells = <1>; interrupt-map = <1 &c 1>;
      interrupt-map-mask = <7 7>; };
    """
  ),
  ("graph_nodes", "endpoint { remote-endpoint = <1>; };"),
  (
    "graph_child_address",
    "n { port { #address-cells = <1>; #size-cells = <0>; endpoint { }; }; };"
  ),
  ("graph_port", "n { x@1 { reg = <2>; endpoint { }; }; };"),
  (
    "graph_endpoint",
    """
    a { port { ea: endpoint { remote-endpoint = <&eb>; }; e2: x { remote-endpoint = <&ea>; }; }; };
    b { port { eb: endpoint { remote-endpoint = <&ea>; }; y { remote-endpoint = <77>; }; }; };
    """
  ),
]

/// The names of findings and the nodes they are about, `name: path` each, sorted.
private func findings(_ text: String) -> [String] {
  text.split(separator: "\n").compactMap { line in
    guard let open = line.range(of: " ("), let close = line.range(of: "): "),
      line[..<open.lowerBound].hasSuffix("Warning") || line[..<open.lowerBound].hasSuffix("ERROR")
    else { return nil }
    let place = line[close.upperBound...].prefix { $0 != " " && $0 != ":" }
    return "\(line[open.upperBound..<close.lowerBound]): \(place.hasPrefix("/") ? place : "")"
  }.sorted()
}

/// Whether a finding is of a check that is the same in Debian's dtc 1.6.1. These are not, nor is what
/// follows when they fail.
private func isOld(_ finding: String) -> Bool {
  let newer = ["interrupt_map: ", "interrupt_provider: ", "graph_nodes: "]
  return !newer.contains { finding.hasPrefix($0) }
    && !(finding.hasPrefix("graph_") && finding.hasSuffix(": "))
}

@Suite struct TreeCheckTests {
  private func run(_ body: String, _ options: String...) -> TestConsole {
    let test = TestConsole("/dts-v1/; / { " + body + " };")
    _ = DeviceTreeCommand.dtc.run(options + ["-O", "dtb", "-o", "/dev/null"], test.console)
    return test
  }

  @Test(arguments: trips.filter { !$0.body.isEmpty })
  func `a check finds its fault`(name: String, body: String) {
    let test = run(body)
    #expect(findings(test.errors).contains { $0.hasPrefix(name + ":") }, "\(test.errors)")
  }

  @Test(.enabled(if: Tool.hasDTC), arguments: trips.filter { !$0.body.isEmpty })
  func `dtc finds the same in the same places`(name: String, body: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let file = try directory.write("a.dts", text: "/dts-v1/; / { " + body + " };")
    let errors = try directory.write("errors", [])
    let process = try ChildProcess(
      Tool.path("dtc") ?? "dtc", ["-O", "dtb", "-o", "/dev/null", file],
      errors: FileHandle(forWritingAtPath: errors))
    process.waitUntilExit()
    let theirs = try String(contentsOfFile: errors, encoding: .utf8)
    let ours = run(body).errors
    if theirs.contains("ERROR (") {
      // dtc stops at the first check that finds an error; ours goes on to the others. It also names
      // another of the owners of a label.
      let missing = findings(theirs).filter { !findings(ours).contains($0) }
      #expect(missing.isEmpty || name == "duplicate_label")
      #expect(ours.contains("ERROR (\(name))"))
    } else {
      #expect(
        findings(ours).filter(isOld) == findings(theirs).filter(isOld), "\(ours)\n\(theirs)")
    }
  }

  @Test func `a character that no name may hold is found in trees made by hand`() {
    var tree = Tree { $0.add("n%") { $0.set("p q") } }
    var bag = DiagnosticBag()
    TreeChecker().check(&tree, into: &bag)
    #expect(
      Set(bag.diagnostics.map(\.code)) == [
        "node-name-chars", "property-name-chars", "node-name-vs-property-name",
      ])
  }

  @Test func `checks are turned on, off, up and down`() {
    #expect(run("n@1 { };", "-W", "no-unit_address_vs_reg").errors == "")
    #expect(run("n@1 { };", "-E", "unit_address_vs_reg").errors.contains("ERROR (unit_address"))
    #expect(run("a_b;").errors == "")
    #expect(
      run("a_b;", "-W", "property_name_chars_strict").errors.contains("(property_name_chars_s"))
    #expect(run("a; a;", "-E", "no-duplicate_property_names").errors.contains("Warning (dup"))
    #expect(run("", "-W", "always_fail").errors.contains("Warning (always_fail)"))
  }

  @Test func `names are unique and prerequisites exist`() {
    let codes = TreeCheck.all.map(\.code)
    #expect(Set(codes).count == codes.count)
    for check in TreeCheck.all {
      #expect(check.prerequisites.allSatisfy { codes.contains($0) }, "\(check.code)")
    }
    #expect(codes.count >= 88)
  }

  @Test func `nesting up to the limit is read, checked, written, read again and printed`() throws {
    let levels = Tree.maximumDepth - 1
    let text =
      "/dts-v1/; / { " + String(repeating: "a{", count: levels)
      + String(repeating: "};", count: levels) + " };"
    var tree = try #require(read(text).tree)
    var bag = DiagnosticBag()
    TreeChecker().check(&tree, into: &bag)
    tree.addSymbols(into: &bag)
    tree.sort()
    let bytes = blob(tree)
    let again = try #require(BlobReader().read(bytes, name: "deep", into: &bag))
    #expect(again == tree)
    #expect(again.hashValue == tree.hashValue)
    #expect(!SourcePrinter().print(again).isEmpty)
    #expect(TreeIndex(again).entries.count == Tree.maximumDepth)
    #expect(bag.isEmpty)
  }

  @Test func `a wide tree is checked in linear time`() {
    var tree = Tree { root in
      root.set("#address-cells", 1)
      root.set("#size-cells", 0)
      for index in 0..<20_000 as Range<UInt32> {
        root.children.append(Node("n@\(String(index, radix: 16))") { $0.set("reg", index) })
      }
    }
    var bag = DiagnosticBag()
    TreeChecker().check(&tree, into: &bag)
    #expect(bag.isEmpty)
  }
}
