import Diagnostics

/// Turns tokens into a tree and goes on after mistakes.
///
/// Nodes are opened and closed on an explicit stack, so no nesting overflows the program's own.
struct Parser {
  var scanner: Scanner
  var token: Token
  /// The end of the token before, where something is missing if it is.
  var previous: Token
  var names = NameTable()
  private var builder = ValueBuilder()
  var assembly: TreeAssembly
  var binaryFiles: [String] = []
  /// Where things were written, once all is read and if it was to be kept.
  private(set) var places: SourcePlaces?
  /// How deep the expression is that is being read.
  var expressionDepth = 0
  private var reservations: [MemoryReservation] = []
  private var isPlugin = false
  private var overlayCount = 0
  private var errorCount = 0
  /// How many numbers did not fit their cells.
  var cutCount = 0
  /// Set when going on would only repeat what was said.
  private(set) var hasGivenUp = false

  /// How many mistakes are worth reading.
  static let maximumErrors = 100

  init(_ scanner: Scanner) {
    self.scanner = scanner
    assembly = TreeAssembly(sourceSize: scanner.bytes.count)
    token = self.scanner.next()
    previous = token
  }

  // MARK: tokens

  mutating func advance() {
    previous = token
    token = scanner.next()
  }

  func isCharacter(_ character: Unicode.Scalar) -> Bool {
    token.kind == .character && token.character == UInt8(ascii: character)
  }

  mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard isCharacter(character) else { return false }
    advance()
    return true
  }

  func text(_ token: Token) -> String {
    String(decoding: scanner.bytes(of: token), as: UTF8.self)
  }

  /// A token in the words of a message.
  func describe(_ token: Token) -> String {
    guard token.kind != .end else { return "the end of the file" }
    let bytes = scanner.bytes(of: token)
    return bytes.count > 40
      ? "'\(String(decoding: bytes.prefix(40), as: UTF8.self))…'" : "'\(text(token))'"
  }

  mutating func error(
    _ code: DiagnosticCode, _ message: String, at place: Token? = nil, notes: [Note] = [],
    fixIts: [FixIt] = []
  ) {
    guard !hasGivenUp, !scanner.isBroken || token.kind != .end else { return }
    let span = scanner.reportSpan(place ?? token)
    errorCount += 1
    if errorCount > Self.maximumErrors {
      scanner.bag.error(
        "too-many-errors", "gave up after \(Self.maximumErrors) errors", at: span)
      hasGivenUp = true
      return
    }
    scanner.bag.error(code, message, at: span, notes: notes, fixIts: fixIts)
  }

  mutating func giveUp() { hasGivenUp = true }

  mutating func unexpected(_ wanted: String) {
    if reportDirective(token) { return }
    error("unexpected-token", "expected \(wanted), found \(describe(token))")
  }

  /// Takes a semicolon. Where it was forgotten at the end of a line, says so and reads on as if it
  /// were there; else skips to the next one.
  mutating func expectSemicolon() {
    if accept(";") { return }
    let span = scanner.span(previous)
    let startsLine =
      token.kind == .end || token.file != previous.file
      || scanner.span(token).start.line > span.end.line || isCharacter("}")
    guard startsLine else {
      unexpected("';'")
      return recover()
    }
    let point = Token(
      kind: .end, character: 0, file: previous.file, start: previous.end, end: previous.end)
    error(
      "missing-semicolon", "expected ';' after \(describe(previous))", at: point,
      fixIts: [FixIt("insert ';'", replacing: scanner.span(point), with: ";")])
    if token.kind != .end {
      scanner.rescan(token, as: .name)
      token = scanner.next()
    }
  }

  /// Skips to after the next semicolon of this nesting, or to the brace that closes it.
  mutating func recover() {
    var depth = 0
    while token.kind != .end {
      if isCharacter("{") {
        depth += 1
      } else if isCharacter("}") {
        if depth == 0 { return }
        depth -= 1
      } else if isCharacter(";"), depth == 0 {
        return advance()
      }
      advance()
    }
  }

  // MARK: the file

  mutating func parse() -> Tree {
    parseHeaders()
    while token.kind == .memreserve || token.kind == .label { if !parseReservation() { break } }
    while token.kind != .end, !hasGivenUp { parseStatement() }
    if assembly.root == nil {
      if !scanner.bag.hasErrors { unexpected("'/ { … };'") }
      return Tree()
    }
    var tree = Tree(reservations: reservations, isPlugin: isPlugin)
    tree.bootCPU = assembly.guessBootCPU()
    if !scanner.bag.hasErrors, let root = assembly.root {
      assembly.reportUselessDeletions(limit: Self.maximumErrors, into: &scanner.bag)
      // Finishing moves the names out of the assembly.
      places = assembly.places?.places(of: assembly)
      tree.root = assembly.finish(root)
    }
    return tree
  }

  private mutating func parseHeaders() {
    guard token.kind == .version else {
      if reportDirective(token) { return recover() }
      let start = scanner.span(token)
      return error(
        "missing-version", "the file must begin with /dts-v1/;, found \(describe(token))",
        fixIts: [
          FixIt(
            "insert /dts-v1/;",
            replacing: SourceSpan(start.file, start.range.lowerBound..<start.range.lowerBound),
            with: "/dts-v1/;\n")
        ])
    }
    var isFirst = true
    while token.kind == .version {
      let start = token
      advance()
      expectSemicolon()
      var plugin = false
      if token.kind == .plugin {
        plugin = true
        advance()
        expectSemicolon()
      }
      if !isFirst && plugin != isPlugin {
        error("header-mismatch", "this header and an earlier one disagree on /plugin/", at: start)
      }
      isPlugin = plugin
      isFirst = false
    }
  }

  /// Reads `/memreserve/ address size;`; false when labels turn out to belong to something else.
  private mutating func parseReservation() -> Bool {
    let labels = parseLabels()
    guard token.kind == .memreserve else {
      parseStatement(labels: labels)
      return false
    }
    advance()
    guard let address = parsePrimary(), let size = parsePrimary() else {
      recover()
      return true
    }
    expectSemicolon()
    reservations.append(MemoryReservation(address: address, size: size, labels: labels))
    return true
  }

  mutating func parseLabels() -> [String] {
    var labels: [String] = []
    while token.kind == .label {
      labels.append(names.name(scanner.bytes(of: token).dropLast()))
      advance()
    }
    return labels
  }

  /// The reference of the current token, which is consumed; `nil` when it is none.
  mutating func parseReference() -> (reference: Reference, token: Token)? {
    let bytes = scanner.bytes(of: token)
    let place = token
    let target: String
    switch token.kind {
    case .labelReference: target = names.name(bytes.dropFirst())
    case .pathReference: target = names.name(bytes.dropFirst(2).dropLast())
    default: return nil
    }
    advance()
    return (Reference(target), place)
  }

  private mutating func parseStatement(labels: [String] = []) {
    let labels = labels + parseLabels()
    switch token.kind {
    case .labelReference, .pathReference: parseExtension(labels: labels)
    case .deleteNode:
      advance()
      let place = token
      if let node = parseTarget() { assembly.delete(node, at: Origin(scanner.span(place))) }
      expectSemicolon()
    case .omitIfNoRef:
      advance()
      if let node = parseTarget() { assembly.setOmittable(node) }
      expectSemicolon()
    case .memreserve:
      error("misplaced-memreserve", "/memreserve/ must stand before the first node")
      recover()
    case .character where isCharacter("/"):
      let slash = token
      if reportDirective(slash) { return recover() }
      advance()
      guard isCharacter("{") else {
        unexpected("'{' after '/'")
        return recover()
      }
      if !labels.isEmpty {
        error("misplaced-label", "the root node cannot be given a label here", at: slash)
      }
      assembly.addRoot(parseNode("", labels: [], at: slash))
    default:
      unexpected("'/ {', a reference or a directive")
      if isCharacter("}") || isCharacter(";") { advance() } else { recover() }
    }
  }

  /// Reads the reference of a directive and finds its node.
  private mutating func parseTarget() -> TreeAssembly.NodeID? {
    guard let (reference, place) = parseReference() else {
      unexpected("a reference")
      return nil
    }
    let node = assembly.resolve(reference)
    if node == nil { reportMissing(reference, at: place) }
    return node
  }

  private mutating func reportMissing(_ reference: Reference, at place: Token) {
    let near =
      reference.target.utf8.contains(0x2F)
      ? nil : nearestName(to: reference.target, in: assembly.labelNames)
    error(
      "node-not-found", "there is no node \(reference) at this point", at: place,
      fixIts: near.map { [FixIt("did you mean &\($0)?")] } ?? [])
  }

  /// Reads `&label { … };`: lays it over the node, or makes it a fragment of the overlay.
  private mutating func parseExtension(labels: [String]) {
    guard let (reference, place) = parseReference() else { return }
    guard isCharacter("{") else {
      unexpected("'{' after \(reference)")
      return recover()
    }
    if isPlugin && reference.target.dropFirst().contains("/") && !reference.target.hasPrefix("/") {
      error(
        "relative-reference-in-overlay",
        "an overlay can extend a node by its label or full path, but not by \(reference)", at: place
      )
    }
    // What an overlay extends by its full path is a node of the base, even if it has one there too.
    let isOfBase = isPlugin && labels.isEmpty && reference.target.hasPrefix("/")
    if !isOfBase, let target = assembly.resolve(reference) {
      for label in labels { assembly.add(label: label, to: target) }
      let node = parseNode("", labels: [], at: place, extent: assembly.extent(of: target))
      assembly.merge(node, into: target)
    } else if isPlugin && labels.isEmpty {
      let path = "/fragment@\(overlayCount)/__overlay__"
      let node = parseNode(
        "__overlay__", labels: [], at: place, extent: (depth: 3, length: path.utf8.count))
      addFragment(node, for: reference, at: place)
    } else {
      reportMissing(reference, at: place)
      _ = parseNode("", labels: [], at: place)
    }
  }

  private mutating func addFragment(
    _ overlay: TreeAssembly.NodeID, for reference: Reference, at place: Token
  ) {
    let origin = Origin(scanner.span(place))
    if assembly.root == nil {
      assembly.addRoot(assembly.makeNode("", labels: [], origin: origin))
    }
    let fragment = assembly.makeNode("fragment@\(overlayCount)", labels: [], origin: origin)
    overlayCount += 1
    if reference.target.hasPrefix("/") {
      assembly.append(
        "target-path", .string(reference.target), labels: [], origin: origin, to: fragment)
    } else {
      assembly.append("target", .reference(reference), labels: [], origin: origin, to: fragment)
    }
    assembly.append(child: overlay, to: fragment)
    if let root = assembly.root { assembly.addToTree(fragment, below: root) }
  }

  // MARK: nodes

  private struct OpenNode {
    let id: TreeAssembly.NodeID
    let brace: Token
    /// How long its path is.
    let length: Int
    var hasChildren = false
  }

  /// Reads a node from its opening brace to its final semicolon.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - labels: Its labels.
  ///   - place: Where it is named.
  ///   - extent: How deep it stands, the root at 1, and how long its path is.
  /// - Returns: The node.
  private mutating func parseNode(
    _ name: String, labels: [String], at place: Token,
    extent: (depth: Int, length: Int) = (depth: 1, length: 0)
  ) -> TreeAssembly.NodeID {
    let top = assembly.makeNode(name, labels: labels, origin: Origin(scanner.span(place)))
    var open = [OpenNode(id: top, brace: token, length: extent.length)]
    advance()
    while let current = open.last, !hasGivenUp {
      if isCharacter("}") {
        advance()
        open.removeLast()
        expectSemicolon()
        if let span = span(from: current.brace) {
          assembly.places?.add(span, toNode: current.id)
        }
        continue
      }
      guard token.kind != .end else {
        error(
          "unclosed-node", "the file ends inside a node",
          notes: [Note("the node is opened here", at: scanner.reportSpan(current.brace))])
        break
      }
      if let opened = parseMember(of: &open[open.count - 1]) {
        // What is laid over a node stands below that one, wherever it is written.
        guard extent.depth + open.count <= Tree.maximumDepth else {
          error(
            "nesting-too-deep", "nodes are nested more than \(Tree.maximumDepth) deep",
            at: opened.brace)
          giveUp()
          break
        }
        guard opened.length <= Tree.maximumPathLength else {
          error(
            "nesting-too-deep",
            "the path of this node is longer than \(Tree.maximumPathLength) bytes",
            at: opened.brace)
          giveUp()
          break
        }
        open.append(opened)
      }
    }
    return top
  }

  /// Reads a property or a directive, or opens a child, which is handed back.
  private mutating func parseMember(of parent: inout OpenNode) -> OpenNode? {
    let start = token
    var labels: [String] = []
    var isOmittable = false
    while token.kind == .label || token.kind == .omitIfNoRef {
      if token.kind == .label {
        labels += parseLabels()
      } else {
        isOmittable = true
        advance()
      }
    }
    switch token.kind {
    case .name:
      let place = token
      var bytes = scanner.bytes(of: token)
      if bytes.first == UInt8(ascii: "\\") { bytes = bytes.dropFirst() }
      let name = names.name(bytes)
      advance()
      if isCharacter("{") {
        let node = assembly.makeNode(name, labels: labels, origin: Origin(scanner.span(place)))
        if isOmittable { assembly.setOmittable(node) }
        assembly.append(child: node, to: parent.id)
        parent.hasChildren = true
        let opened = OpenNode(
          id: node, brace: token, length: parent.length + name.utf8.count + 1)
        advance()
        return opened
      }
      if isOmittable {
        error("misplaced-directive", "/omit-if-no-ref/ is for nodes, not for properties", at: start)
      }
      parseProperty(name, labels: labels, at: place, in: parent)
    case .deleteNode, .deleteProperty:
      let isNode = token.kind == .deleteNode
      advance()
      guard token.kind == .name else {
        unexpected(isNode ? "the name of a child" : "the name of a property")
        recover()
        return nil
      }
      if !isNode { checkOrder(in: parent, at: token) }
      delete(isNode: isNode, from: &parent)
      expectSemicolon()
    default:
      unexpected("a property, a node or '}'")
      // A brace with nothing in front of it opens nothing: its contents are skipped.
      recover()
    }
    return nil
  }

  private mutating func delete(isNode: Bool, from parent: inout OpenNode) {
    var bytes = scanner.bytes(of: token)
    if bytes.first == UInt8(ascii: "\\") { bytes = bytes.dropFirst() }
    let name = names.name(bytes)
    let origin = Origin(scanner.span(token))
    if isNode {
      let node = assembly.makeNode(name, labels: [], origin: origin)
      assembly.setDeleted(node)
      assembly.append(child: node, to: parent.id)
      assembly.deletions.nodes[node] = DeletionLog.Entry(target: parent.id, origin: origin)
      parent.hasChildren = true
    } else {
      assembly.append(name, .empty, labels: [], isDeleted: true, origin: origin, to: parent.id)
      let record = TreeAssembly.PropertyID(assembly.properties.count - 1)
      assembly.deletions.properties[record] = DeletionLog.Entry(target: parent.id, origin: origin)
    }
    advance()
  }

  private mutating func checkOrder(in parent: OpenNode, at place: Token) {
    guard parent.hasChildren else { return }
    error(
      "property-after-node", "\(text(place)) stands after a child node; properties come first",
      at: place)
  }

  private mutating func parseProperty(
    _ name: String, labels: [String], at place: Token, in parent: OpenNode
  ) {
    checkOrder(in: parent, at: place)
    var value = PropertyValue.empty
    if accept("=") {
      // Taken out meanwhile, so that it can be filled in place.
      var building = ValueBuilder()
      swap(&building, &builder)
      let isRead = parseValue(into: &building)
      value = building.take()
      swap(&building, &builder)
      guard isRead else { return recover() }
    } else if !isCharacter(";") && !isCharacter("}") && token.kind != .name
      && token.kind != .end && scanner.span(token).start.line == scanner.span(place).start.line
    {
      unexpected("'=', '{' or ';' after \(text(place))")
      return recover()
    }
    expectSemicolon()
    assembly.append(
      name, value, labels: labels, origin: Origin(scanner.span(place)), to: parent.id)
    if let span = span(from: place) {
      assembly.places?.set(
        span, ofProperty: TreeAssembly.PropertyID(assembly.properties.count - 1))
    }
  }

  /// What was read from a token to the last one, where places are kept.
  private func span(from first: Token) -> SourceSpan? {
    guard assembly.places != nil else { return nil }
    let start = scanner.span(first)
    let end = scanner.span(previous)
    return start.file == end.file ? start.joined(with: end) : start
  }
}
