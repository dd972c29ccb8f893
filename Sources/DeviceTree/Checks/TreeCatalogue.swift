public import Diagnostics

/// Every code that reading, checking, joining and writing a tree can give, each with the rule behind
/// it.
public enum TreeCatalogue {
  /// A kind of finding.
  public struct Entry: Sendable, Hashable {
    /// The stable code; of dtc's checks their name, with hyphens.
    public let code: DiagnosticCode
    /// How bad its findings are unless configured otherwise.
    public let severity: Severity
    /// The rule that is broken, in one sentence without a full stop.
    public let summary: String

    fileprivate init(_ code: DiagnosticCode, _ severity: Severity, _ summary: String) {
      self.code = code
      self.severity = severity
      self.summary = summary
    }
  }

  /// What each code means.
  public static let summaries: [DiagnosticCode: String] = Dictionary(
    entries.map { ($0.code, $0.summary) }, uniquingKeysWith: { first, _ in first })

  /// All kinds, sorted by code.
  public static let entries: [Entry] =
    (checks + source + blobs + overlays + files).sorted { $0.code < $1.code }

  private static func error(_ code: DiagnosticCode, _ summary: String) -> Entry {
    Entry(code, .error, summary)
  }

  private static func warning(_ code: DiagnosticCode, _ summary: String) -> Entry {
    Entry(code, .warning, summary)
  }

  // MARK: checks

  private static let checks: [Entry] = TreeCheck.known.map { check in
    Entry(
      check.code, check.severity ?? .warning,
      rules[check.code] ?? TreeCheck.providerRules[check.code] ?? "")
  }

  private static let rules: [DiagnosticCode: String] = [
    "addr-size-cells": "#address-cells and #size-cells are one cell each",
    "address-cells-is-cell": "#address-cells is one cell",
    "alias-name-chars": "an alias has lower-case letters, digits and hyphens only",
    "alias-paths": "an alias is the path of a node, or a reference to one",
    "always-fail": "no tree passes this check; it is there to try others' reports",
    "avoid-default-addr-size":
      "a node whose children have reg or ranges says #address-cells and #size-cells itself",
    "avoid-unnecessary-addr-size":
      "#address-cells and #size-cells stand where there are ranges or a child has a reg",
    "chosen-node-bootargs": "bootargs of /chosen is a string",
    "chosen-node-is-root": "the node chosen stands at the root",
    "chosen-node-stdout-path": "stdout-path of /chosen is a string",
    "compatible-is-string-list": "compatible is a list of strings",
    "deprecated-gpio-property": "GPIOs are named by -gpios, not -gpio",
    "device-type-is-string": "device_type is a string",
    "dma-ranges-format": "dma-ranges has whole entries in the cells of both buses",
    "duplicate-label": "a label names one place",
    "duplicate-node-names": "the children of a node have different names",
    "duplicate-property-names": "the properties of a node have different names",
    "explicit-phandles": "a phandle is one cell, belongs to one node, and is neither 0 nor -1",
    "gpios-property": "a list of GPIOs has a controller and its cells in each entry",
    "graph-child-address": "the only child of a graph node needs no address",
    "graph-endpoint": "an endpoint of a graph is named so and has a partner that points back",
    "graph-nodes": "an endpoint of a graph stands in a port, not in the root",
    "graph-port": "a port of a graph is named so",
    "i2c-bus-bridge": "an I2C bus is named so and has addresses of one cell and no sizes",
    "i2c-bus-reg":
      "a device on an I2C bus has its address in its name, and one that the bus allows",
    "interrupt-map": "interrupt-map has whole entries in the cells of both controllers",
    "interrupt-provider": "an interrupt controller says #interrupt-cells",
    "interrupts-property": "interrupts have a parent, and whole entries in its cells",
    "label-is-string": "label is a string",
    "model-is-string": "model is a string",
    "name-is-string": "name is a string",
    "name-properties": "a name property repeats the node's name",
    "names-is-string-list": "a property ending in -names is a list of strings",
    "node-name-chars": "a node's name has only characters that names may have",
    "node-name-chars-strict":
      "a node's name has only letters, digits, comma and hyphen",
    "node-name-format": "a node's name has one @ at most",
    "node-name-length": "a node's name has 31 characters at most before its unit address",
    "node-name-start": "a node's name starts with a letter",
    "node-name-vs-property-name": "a node and a property of one parent have different names",
    "obsolete-chosen-interrupt-controller":
      "interrupt-controller of /chosen is no longer used",
    "omit-unused-nodes": "a node under /omit-if-no-ref/ is there when something refers to it",
    "path-references": "a reference that stands for a path leads to a node",
    "pci-bridge": "a PCI bridge has three address cells, two size cells and a range of buses",
    "pci-device-bus-num": "a PCI device's bus is in the range of its bridge",
    "pci-device-reg": "a PCI device's unit address is its device and function in reg",
    "phandle-references": "a reference that stands for a phandle leads to a node",
    "property-name-chars": "a property's name has only characters that names may have",
    "property-name-chars-strict":
      "a property's name has only letters, digits, comma and hyphen",
    "property-name-length": "a property's name has 31 characters at most",
    "ranges-format": "ranges has whole entries in the cells of both buses",
    "reg-format": "reg has whole entries in the cells of the parent",
    "simple-bus-bridge": "a simple bus says how wide its children's addresses are",
    "simple-bus-reg": "a device on a simple bus has its first address in its name",
    "size-cells-is-cell": "#size-cells is one cell",
    "spi-bus-bridge": "an SPI bus is named so and has addresses of one cell and no sizes",
    "spi-bus-reg": "a device on an SPI bus has its chip select in its name",
    "status-is-string": "status is a string",
    "unique-unit-address": "the children of a node have different unit addresses",
    "unique-unit-address-if-enabled":
      "the children of a node that are not disabled have different unit addresses",
    "unit-address-format": "a unit address has no 0x and no zeros in front",
    "unit-address-vs-reg": "a node has a unit address when it has reg or ranges, and only then",
  ]

  // MARK: source

  private static let source: [Entry] = [
    error("bad-cell-width", "/bits/ is followed by 8, 16, 32 or 64"),
    error("bad-literal", "a number or character is written as C writes it"),
    error("binary-not-found", "the file of /incbin/ is there"),
    error("division-by-zero", "nothing is divided by zero"),
    error("expression-too-deep", "expressions nest no deeper than a person would write them"),
    error("header-mismatch", "all version lines of a source agree on /plugin/"),
    error("include-cycle", "no file includes itself"),
    error("include-depth", "files include each other no deeper than a person would"),
    error("include-limit", "what is included stays within the memory of a machine"),
    error("include-not-found", "an included file is there"),
    error("literal-range", "a number fits 64 bits"),
    error("misplaced-directive", "a directive stands where it means something"),
    error("misplaced-label", "a label stands before what it names"),
    error("misplaced-memreserve", "memory is reserved before the first node"),
    error("missing-semicolon", "a property and a node end with a semicolon"),
    error("missing-version", "a source begins with /dts-v1/;"),
    error(
      "nesting-too-deep",
      "nodes nest no more than \(Tree.maximumDepth) deep, in paths of \(Tree.maximumPathLength) bytes at most"
    ),
    error("node-not-found", "a node that is extended, deleted or kept is there"),
    error("preprocessor", "C's directives are what a C preprocessor takes"),
    error("preprocessor-limit", "preprocessing ends, and what it prints stays within bounds"),
    error("preprocessor-missing", "C's directives need clang, cpp or gcc"),
    warning("preprocessor-warning", "the C preprocessor has nothing to warn of"),
    error("property-after-node", "the properties of a node stand before its children"),
    error("reference-width", "a reference stands in cells of 32 bits"),
    error("relative-reference-in-overlay", "an overlay extends nodes by label or full path"),
    error("too-many-errors", "reading goes on to the end unless errors go on too"),
    error("unclosed-node", "a node ends before the file does"),
    error("undefined-reference", "a reference leads to a node"),
    error("unexpected-token", "source follows the grammar of DTS version 1"),
    error("unknown-directive", "a directive is one of those there are"),
    error("unterminated-comment", "a comment ends"),
    error("unterminated-string", "a string ends"),
    warning("useless-deletion", "a deletion deletes something"),
    warning("value-out-of-range", "a number fits its cell"),
  ]

  // MARK: blobs

  private static let blobs: [Entry] = [
    error("blob-name", "a name in a blob is one that a node or property can have"),
    error("blob-magic", "a blob starts with 0xd00dfeed"),
    error("blob-nesting", "in a blob's structure every node begins, ends, and stands in the root"),
    error("blob-offset", "the blocks of a blob lie inside of it"),
    error("blob-reservations", "a blob's memory reservations have an end"),
    warning("blob-size", "a blob is no larger than the size asked for"),
    error("blob-token", "a blob's structure has known tokens only"),
    error("blob-too-large", "a blob is smaller than 4 GiB"),
    error("blob-truncated", "a blob is as long as its header says"),
    error("blob-version", "a blob has a version that can be read"),
  ]

  // MARK: overlays

  private static let overlays: [Entry] = [
    warning("label-taken", "an alias or symbol for a label is not there already"),
    error("overlay-fixup", "an overlay's fixups name cells that are there"),
    error("overlay-path-reference", "an overlay refers to nodes of its base by label, not by path"),
    error("overlay-phandle", "the phandles of base and overlay fit 32 bits together"),
    error("overlay-symbol", "a label that an overlay refers to is a symbol of the base"),
    error("overlay-target", "a fragment's target is a node of the base"),
  ]

  // MARK: files and options

  private static let files: [Entry] = [
    warning("bad-number", "a number is one to its end"),
    error("bad-usage", "the formats asked for can be had together"),
    error("file-unreadable", "a file is there and can be read"),
    error("file-unwritable", "the output can be written"),
    error("unreadable-directory", "a directory of a tree can be read"),
    error("unreadable-file", "a file of a tree is there and can be read"),
    warning("unreadable-property", "the file of a property can be read"),
  ]
}
