import CYAML
public import Diagnostics

/// Reads one YAML document into nodes with places.
///
/// What has no use in a description of hardware and much in an attack is bounded or refused:
/// nesting, the growth of aliases, tags, further documents, and keys that are not texts.
public struct YAMLReader: Sendable {
  /// How deep lists and mappings may stand in each other.
  public static let nestingLimit = 64
  /// How many nodes all aliases together may repeat.
  public static let aliasLimit = 100_000

  /// Creates a reader.
  public init() {}

  /// The document of a file, or `nil` after an error has been added to the bag.
  ///
  /// Syntax stops at the first error, as nothing behind it can be trusted; duplicate keys and the
  /// like are all reported.
  public func read(_ file: SourceFile, into bag: inout DiagnosticBag) -> YAMLNode? {
    var found = DiagnosticBag()
    let node = YAMLEventStream.withEvents(of: file) { stream in
      var builder = Builder(stream: stream, file: file)
      let node = builder.document()
      found = builder.bag
      return node
    }
    bag.add(contentsOf: found)
    return found.hasErrors ? nil : node
  }
}

/// Turns events into nodes: one function for each production, no state but anchors and budgets.
private struct Builder {
  let stream: YAMLEventStream
  let file: SourceFile
  var bag = DiagnosticBag()
  private var anchors: [String: (node: YAMLNode, count: Int)] = [:]
  private var count = 0
  private var repeated = 0

  init(stream: YAMLEventStream, file: SourceFile) {
    self.stream = stream
    self.file = file
  }

  mutating func document() -> YAMLNode? {
    var root: YAMLNode?
    while let event = next() {
      switch event.kind {
      case .documentStart where root != nil:
        bag.error(
          .yamlMultipleDocuments, "a second document starts here, but a file holds one",
          at: event.span, fixIts: [FixIt("put it into a file of its own")])
        return nil
      case .streamEnd:
        if root == nil {
          bag.error(.yamlEmpty, "\(file.name) holds no YAML document", at: event.span)
        }
        return root
      case .streamStart, .documentStart, .documentEnd: continue
      default:
        guard let node = node(from: event, depth: 0) else { return nil }
        root = node
      }
    }
    return nil
  }

  /// The next event, or `nil` after a syntax error.
  private mutating func next() -> YAMLEvent? {
    switch stream.next() {
    case .success(let event): return event
    case .failure(let problem):
      bag.error(
        .yamlSyntax, problem.message, at: problem.span,
        notes: problem.context.map { [Note($0.message, at: $0.span)] } ?? [])
      return nil
    }
  }

  private mutating func node(from event: YAMLEvent, depth: Int) -> YAMLNode? {
    guard depth < YAMLReader.nestingLimit else {
      bag.error(
        .yamlNesting,
        "lists and mappings stand more than \(YAMLReader.nestingLimit) deep in each other",
        at: event.span)
      return nil
    }
    if let tag = event.tag {
      bag.error(.yamlTag, "the tag \(tag) has no meaning here", at: event.span)
    }
    let before = count
    count += 1
    let node: YAMLNode?
    switch event.kind {
    case .alias(let name): return alias(name, at: event.span)
    case .scalar(let scalar): node = YAMLNode(.scalar(scalar), at: event.span)
    case .sequenceStart(let isFlow): node = sequence(from: event, isFlow: isFlow, depth: depth)
    case .mappingStart(let isFlow): node = mapping(from: event, isFlow: isFlow, depth: depth)
    default: return nil
    }
    if let anchor = event.anchor, let node { anchors[anchor] = (node, count - before) }
    return node
  }

  /// A copy of an anchored node, charged with all nodes in it: a chain of aliases to aliases
  /// ("billion laughs") costs no memory here, but would cost its reader unbounded time.
  private mutating func alias(_ name: String, at span: SourceSpan) -> YAMLNode? {
    guard let anchor = anchors[name] else {
      bag.error(
        .yamlAlias, "*\(name) refers to an anchor that does not stand before it", at: span,
        fixIts: nearestName(to: name, in: anchors.keys.sorted())
          .map { [FixIt("did you mean *\($0)?", replacing: span, with: "*\($0)")] } ?? [])
      return nil
    }
    count += anchor.count - 1
    repeated += anchor.count
    guard repeated <= YAMLReader.aliasLimit else {
      bag.error(
        .yamlAliasExpansion,
        "aliases up to here repeat more than \(YAMLReader.aliasLimit) nodes", at: span,
        notes: [Note("the anchor &\(name) stands here", at: anchor.node.span)])
      return nil
    }
    return YAMLNode(anchor.node.value, at: span)
  }

  private mutating func sequence(from start: YAMLEvent, isFlow: Bool, depth: Int) -> YAMLNode? {
    var items: [YAMLNode] = []
    while let event = next() {
      if case .sequenceEnd = event.kind {
        let span = extent(from: start, to: event, isFlow: isFlow, last: items.last?.span)
        return YAMLNode(.sequence(items), at: span)
      }
      guard let item = node(from: event, depth: depth + 1) else { return nil }
      items.append(item)
    }
    return nil
  }

  private mutating func mapping(from start: YAMLEvent, isFlow: Bool, depth: Int) -> YAMLNode? {
    var entries: [YAMLEntry] = []
    var places: [String: SourceSpan] = [:]
    while let event = next() {
      if case .mappingEnd = event.kind {
        let span = extent(from: start, to: event, isFlow: isFlow, last: entries.last?.value.span)
        return YAMLNode(.mapping(entries), at: span)
      }
      guard let key = node(from: event, depth: depth + 1),
        let valueEvent = next(), let value = node(from: valueEvent, depth: depth + 1)
      else { return nil }
      guard case .scalar(let scalar) = key.value else {
        bag.error(.yamlKey, "a key must be a text, but this is \(key.kind)", at: key.span)
        continue
      }
      if let first = places[scalar.text] {
        bag.error(
          .yamlDuplicateKey, "the key \(scalar.text) comes twice in one mapping", at: key.span,
          notes: [Note("it stands here first", at: first)])
        continue
      }
      places[scalar.text] = key.span
      entries.append(YAMLEntry(key: scalar.text, keySpan: key.span, value: value))
    }
    return nil
  }

  /// The extent of a collection. libyaml ends a block at the next token, lines further down, so a
  /// block ends with its last item.
  private func extent(
    from start: YAMLEvent, to end: YAMLEvent, isFlow: Bool, last: SourceSpan?
  ) -> SourceSpan {
    if isFlow { return start.span.joined(with: end.span) }
    return last.map { start.span.joined(with: $0) } ?? start.span
  }
}
