import CYAML
import Diagnostics

/// One step of libyaml's parser, as a value.
struct YAMLEvent {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias(String)
    case scalar(YAMLScalar)
    case sequenceStart(isFlow: Bool)
    case sequenceEnd
    case mappingStart(isFlow: Bool)
    case mappingEnd
  }
  let kind: Kind
  let span: SourceSpan
  var anchor: String?
  var tag: String?
}

/// What libyaml found wrong, and the place of the construct it was in.
struct YAMLProblem: Error {
  let message: String
  let span: SourceSpan
  let context: (message: String, span: SourceSpan)?
}

/// libyaml's events of one file.
///
/// SAFETY: `parser` points at a heap allocation, because a `yaml_parser_t` holds pointers into
/// itself, and at the file's bytes; both outlive the stream, which ``withEvents(of:_:)`` never lets
/// out of its closure.
struct YAMLEventStream {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let file: SourceFile
  private let offsets: CharacterOffsets

  /// Runs `body` with the events of a file.
  static func withEvents<Result>(of file: SourceFile, _ body: (YAMLEventStream) -> Result) -> Result
  {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { fatalError("libyaml ran out of memory") }
    defer { yaml_parser_delete(parser) }
    return file.bytes.withUnsafeBufferPointer { bytes in
      // An empty array has no address, and libyaml insists on one.
      withUnsafePointer(to: UInt8(0)) { nothing in
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        // Given the encoding, libyaml takes a byte order mark for text.
        let mark = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        yaml_parser_set_input_string(
          parser, bytes.baseAddress.map { $0 + mark } ?? nothing, bytes.count - mark)
        return body(
          YAMLEventStream(parser: parser, file: file, offsets: .init(file.bytes, from: mark)))
      }
    }
  }

  /// The next event; after the stream's end or a problem nothing more may be asked.
  func next() -> Result<YAMLEvent, YAMLProblem> {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { return .failure(problem()) }
    defer { yaml_event_delete(&event) }
    let start = offsets.byte(ofCharacter: event.start_mark.index)
    let end = offsets.byte(ofCharacter: event.end_mark.index)
    let span = SourceSpan(file, start..<max(start, end))
    switch event.type {
    case YAML_STREAM_END_EVENT: return .success(YAMLEvent(kind: .streamEnd, span: span))
    case YAML_DOCUMENT_START_EVENT: return .success(YAMLEvent(kind: .documentStart, span: span))
    case YAML_DOCUMENT_END_EVENT: return .success(YAMLEvent(kind: .documentEnd, span: span))
    case YAML_SEQUENCE_END_EVENT: return .success(YAMLEvent(kind: .sequenceEnd, span: span))
    case YAML_MAPPING_END_EVENT: return .success(YAMLEvent(kind: .mappingEnd, span: span))
    case YAML_ALIAS_EVENT:
      return .success(YAMLEvent(kind: .alias(text(event.data.alias.anchor) ?? ""), span: span))
    case YAML_SCALAR_EVENT:
      let data = event.data.scalar
      let value = String(
        decoding: UnsafeBufferPointer(start: data.value, count: data.length), as: UTF8.self)
      let scalar = YAMLScalar(value, isPlain: data.style == YAML_PLAIN_SCALAR_STYLE)
      return .success(
        YAMLEvent(
          kind: .scalar(scalar), span: span, anchor: text(data.anchor), tag: text(data.tag)))
    case YAML_SEQUENCE_START_EVENT:
      let data = event.data.sequence_start
      return .success(
        YAMLEvent(
          kind: .sequenceStart(isFlow: data.style == YAML_FLOW_SEQUENCE_STYLE), span: span,
          anchor: text(data.anchor), tag: text(data.tag)))
    case YAML_MAPPING_START_EVENT:
      let data = event.data.mapping_start
      return .success(
        YAMLEvent(
          kind: .mappingStart(isFlow: data.style == YAML_FLOW_MAPPING_STYLE), span: span,
          anchor: text(data.anchor), tag: text(data.tag)))
    default: return .success(YAMLEvent(kind: .streamStart, span: span))
    }
  }

  private func problem() -> YAMLProblem {
    let parser = parser.pointee
    let problem = parser.problem.map { String(cString: $0) } ?? "unreadable"
    if parser.error == YAML_READER_ERROR {
      // Reader errors count bytes and leave the mark where the scanner was.
      let start = min(offsets.start + Int(parser.problem_offset), file.bytes.count)
      return YAMLProblem(
        message: "the file is not text in UTF-8: \(problem)",
        span: SourceSpan(file, start..<min(start + 1, file.bytes.count)), context: nil)
    }
    func point(_ mark: yaml_mark_t) -> SourceSpan {
      let start = offsets.byte(ofCharacter: mark.index)
      return SourceSpan(file, start..<min(start + 1, file.bytes.count))
    }
    let context = parser.context.map {
      (message: String(cString: $0), span: point(parser.context_mark))
    }
    return YAMLProblem(
      message: "the YAML cannot be read: \(problem)", span: point(parser.problem_mark),
      context: context)
  }

  private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map {
      String(decoding: UnsafeBufferPointer(start: $0, count: strlen($0)), as: UTF8.self)
    }
  }
}

/// libyaml counts characters; diagnostics count bytes.
private struct CharacterOffsets {
  /// The offset of each character, or empty when every character is one byte.
  private var offsets: [Int] = []
  /// Where the first character stands.
  let start: Int
  private let end: Int

  init(_ bytes: [UInt8], from start: Int) {
    self.start = start
    end = bytes.count
    guard bytes.contains(where: { $0 >= 0x80 }) else { return }
    offsets.reserveCapacity(bytes.count)
    for offset in start..<end where bytes[offset] & 0xc0 != 0x80 { offsets.append(offset) }
  }

  func byte(ofCharacter index: Int) -> Int {
    if offsets.isEmpty { return min(index, end) }
    return index < offsets.count ? offsets[index] : end
  }
}
