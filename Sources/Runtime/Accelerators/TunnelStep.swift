import CSecurity
import DPAAPortal

// SAFETY: pieces of a job are whole, as the engine found them. What decides about memory (lengths, padding) is
// read once; all else may change under the library's hands, which costs the owner its own packet only.
/// One packet on its way into an ESP tunnel or out of one: what is done before the library's work and after it
/// (RFC 4303, sections 2 and 3; RFC 4106 for AES-GCM, RFC 4868 for HMAC-SHA-256).
struct TunnelStep: BitwiseCopyable {
  /// The place of the library's job; -1 for none.
  var place = -1
  /// The packet's whole number.
  private var number: UInt64 = 0
  /// Where the output is made, and how long it is with padding.
  private var output: UnsafeMutablePointer<UInt8>?
  private var length = 0
  /// Whether it still has to be copied to where it is wanted.
  private var isElsewhere = false

  /// Bytes of the header: index and number.
  private static let headerLength = 8

  /// Does what comes before the library's work, or fails the request.
  mutating func begin(
    _ request: inout AcceleratorJob, _ program: SecurityProgram, _ session: SecuritySession,
    _ job: inout dpaac_security_job, _ scratch: Scratch, _ vectors: VectorSource
  ) {
    // What was not done is not to look like done.
    job.failure = UInt32(DPAAC_SECURITY_FAILED)
    let fault =
      program.isEncapsulation
      ? encapsulate(&request, program, session, &job, scratch, vectors)
      : decapsulate(&request, program, session, &job, scratch)
    if let fault { Self.fail(&request, fault) }
  }

  private static func fail(
    _ request: inout AcceleratorJob, _ fault: SecurityStatus.Descriptor, at index: Int = 0
  ) {
    let reason: AcceleratorFault =
      switch fault {
      case .late, .replayed: .replay
      case .sequence, .format, .size: .length
      default: .descriptor
      }
    request.fail(reason, status: fault.word(at: index))
  }

  // MARK: Into the tunnel

  private mutating func encapsulate(
    _ request: inout AcceleratorJob, _ program: SecurityProgram, _ session: SecuritySession,
    _ job: inout dpaac_security_job, _ scratch: Scratch, _ vectors: VectorSource
  ) -> SecurityStatus.Descriptor? {
    let outer = program.outerHeader.count
    let vector = program.vectorLength
    let alignment = program.alignment
    let inner = request.inputLength
    guard inner > 0 else { return .sequence }
    let enciphered = (inner + 2 + alignment - 1) / alignment * alignment
    length = outer + Self.headerLength + vector + enciphered + SecurityProgram.tagLength
    guard length <= request.outputRoom else { return .sequence }
    // What the outer header will say: IPv6 counts its extension headers, too.
    guard length - (program.options.contains(.outerIPv6) ? 40 : 0) <= Int(UInt16.max) else {
      return .size
    }
    let isExtended = program.options.contains(.extendedNumbers)
    guard let start = place(request, scratch, count: length) else { return .memory }
    guard let number = session.state.next(isExtended: isExtended) else {
      return .sequenceOverflow
    }
    output = start
    self.number = number
    let header = start + outer
    let payload = header + Self.headerLength + vector
    // The packet first: it may lie where the headers go.
    guard Self.gather(request, into: payload) else { return .memory }
    for place in inner..<enciphered - 2 {
      payload[place] = UInt8(truncatingIfNeeded: place - inner + 1)
    }
    payload[enciphered - 2] = UInt8(truncatingIfNeeded: enciphered - 2 - inner)
    payload[enciphered - 1] = program.nextHeader
    program.outerHeader.withUnsafeBufferPointer { bytes in
      if let base = bytes.baseAddress { start.update(from: base, count: outer) }
    }
    Self.complete(start, outer: outer, length: length)
    Self.put(program.spi, header)
    Self.put(UInt32(truncatingIfNeeded: number), header + 4)
    if program.isGCM {
      vectors.count(into: header + Self.headerLength)
    } else {
      vectors.draw(header + Self.headerLength, count: vector)
    }

    guard let nonce = scratch.take(32) else { return .memory }
    job.source = UnsafePointer(payload)
    job.target = payload
    job.length = UInt32(enciphered)
    prepare(
      &job, program, header: header, vector: header + Self.headerLength, enciphered: enciphered,
      nonce)
    return nil
  }

  /// Makes an outer header's length right, and an IPv4 header's checksum.
  private static func complete(_ header: UnsafeMutablePointer<UInt8>, outer: Int, length: Int) {
    if header[0] >> 4 == 6 {
      put(UInt16(truncatingIfNeeded: length - 40), header + 4)
      return
    }
    put(UInt16(truncatingIfNeeded: length), header + 2)
    put(0 as UInt16, header + 10)
    var sum: UInt32 = 0
    for place in stride(from: 0, to: outer, by: 2) {
      sum += UInt32(header[place]) << 8 | UInt32(header[place + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    put(UInt16(truncatingIfNeeded: ~sum), header + 10)
  }

  /// What is alike in both directions: nonce or vector, and what is authenticated.
  private func prepare(
    _ job: inout dpaac_security_job, _ program: SecurityProgram,
    header: UnsafeMutablePointer<UInt8>, vector: UnsafeMutablePointer<UInt8>, enciphered: Int,
    _ nonce: UnsafeMutablePointer<UInt8>
  ) {
    let isExtended = program.options.contains(.extendedNumbers)
    let high = UInt32(truncatingIfNeeded: number >> 32)
    job.iv = UnsafePointer(nonce)
    guard program.isGCM else {
      nonce.update(from: vector, count: 16)
      job.authenticated = UnsafePointer(header)
      job.authenticated_length = UInt32(Self.headerLength + 16 + enciphered)
      if isExtended {
        // Behind all else, where the tag goes later.
        Self.put(high, vector + 16 + enciphered)
        job.authenticated_length += 4
      }
      return
    }
    Self.put(program.salt, nonce)
    (nonce + 4).update(from: vector, count: 8)
    let authenticated = nonce + 16
    authenticated.update(from: header, count: 4)
    job.authenticated_length = isExtended ? 12 : 8
    if isExtended { Self.put(high, authenticated + 4) }
    Self.put(UInt32(truncatingIfNeeded: number), authenticated + (isExtended ? 8 : 4))
    job.authenticated = UnsafePointer(authenticated)
  }

  // MARK: Out of the tunnel

  private mutating func decapsulate(
    _ request: inout AcceleratorJob, _ program: SecurityProgram, _ session: SecuritySession,
    _ job: inout dpaac_security_job, _ scratch: Scratch
  ) -> SecurityStatus.Descriptor? {
    let front = program.outerHeaderLength + Self.headerLength + program.vectorLength
    length = request.inputLength - front - SecurityProgram.tagLength
    guard length > 0, length % program.alignment == 0 else { return .format }
    let isExtended = program.options.contains(.extendedNumbers)
    guard
      let packet = input(request, scratch, mayChange: isExtended && !program.isGCM),
      let nonce = scratch.take(32)
    else { return .memory }
    let header = packet + program.outerHeaderLength
    guard
      let number = session.state.whole(
        Self.word(header + 4), isExtended: isExtended, window: program.window)
    else { return .late }
    if let fault = session.state.fault(number, window: program.window) { return fault }
    self.number = number
    guard let target = place(request, scratch, count: length) else { return .memory }
    output = target
    job.source = UnsafePointer(packet + front)
    job.target = target
    job.length = UInt32(length)
    job.tag_length = UInt32(SecurityProgram.tagLength)
    withUnsafeMutableBytes(of: &job.tag) {
      $0.copyMemory(
        from: UnsafeRawBufferPointer(
          start: packet + front + length, count: SecurityProgram.tagLength))
    }
    prepare(
      &job, program, header: header, vector: header + Self.headerLength, enciphered: length, nonce)
    return nil
  }

  // MARK: Behind the library's work

  /// Does what comes after the library's work.
  mutating func finish(
    _ request: inout AcceleratorJob, _ program: SecurityProgram, _ session: SecuritySession,
    _ job: inout dpaac_security_job
  ) {
    guard let output else { return }
    guard job.failure == 0 else {
      guard job.failure == UInt32(DPAAC_SECURITY_NOT_AUTHENTIC) else {
        return Self.fail(&request, .size, at: program.operationIndex)
      }
      return request.fail(
        .authentication,
        status: SecurityStatus.wrongTag(isGCM: program.isGCM, at: program.operationIndex))
    }
    if program.isEncapsulation {
      let count = SecurityProgram.tagLength
      withUnsafeBytes(of: &job.tag) { tag in
        UnsafeMutableRawBufferPointer(start: output + length - count, count: count)
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: tag[..<count]))
      }
    } else {
      // Another packet of the batch may have had the same number.
      if let fault = session.state.fault(number, window: program.window) {
        return Self.fail(&request, fault)
      }
      session.state.note(number)
      let padding = Int(output[length - 2])
      guard padding + 2 <= length, Self.isPadding(output + length - 2 - padding, padding) else {
        return Self.fail(&request, .format)
      }
      if program.options.contains(.outerHeader) { length -= 2 + padding }
      // A frame of no bytes is none; a compound one's table can say that there are none.
      guard length > 0 || request.frame.isCompound else { return Self.fail(&request, .format) }
    }
    guard length <= request.outputRoom else { return Self.fail(&request, .sequence) }
    request.written = length
    guard isElsewhere else { return }
    var done = 0
    for piece in request.output where done < length {
      let part = min(piece.count, length - done)
      piece.copyMemory(from: UnsafeRawBufferPointer(start: output + done, count: part))
      done += part
    }
  }

  /// Whether bytes count from 1, as padding does that nobody chose.
  private static func isPadding(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
    (0..<count).allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0 + 1) }
  }

  // MARK: Memory

  /// Where an output is made: where it is wanted if that is one piece, and not where the input lies.
  private mutating func place(
    _ request: AcceleratorJob, _ scratch: Scratch, count: Int
  ) -> UnsafeMutablePointer<UInt8>? {
    if request.output.count == 1, let start = request.output[0].baseAddress,
      request.output[0].count >= count,
      !request.frame.isCompound
        || !request.input.contains(where: { Self.meets($0, request.output[0]) })
    {
      return start.assumingMemoryBound(to: UInt8.self)
    }
    isElsewhere = true
    return scratch.take(count)
  }

  private static func meets(
    _ left: AcceleratorJob.Piece, _ right: AcceleratorJob.Piece
  ) -> Bool {
    guard let first = left.baseAddress, let second = right.baseAddress else { return false }
    return first < second + right.count && second < first + left.count
  }

  /// The input in one piece; `mayChange` has it copied.
  private func input(
    _ request: AcceleratorJob, _ scratch: Scratch, mayChange: Bool
  ) -> UnsafeMutablePointer<UInt8>? {
    if request.input.count == 1, !mayChange {
      return request.input[0].baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
    guard let copy = scratch.take(request.inputLength) else { return nil }
    return Self.gather(request, into: copy) ? copy : nil
  }

  /// Copies the input.
  private static func gather(
    _ request: AcceleratorJob, into target: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    var done = 0
    for piece in request.input {
      guard let start = piece.baseAddress else { return false }
      UnsafeMutableRawPointer(target + done).copyMemory(from: start, byteCount: piece.count)
      done += piece.count
    }
    return true
  }

  private static func put(_ value: UInt32, _ target: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(target).storeBytes(of: value.bigEndian, as: UInt32.self)
  }
  private static func put(_ value: UInt16, _ target: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(target).storeBytes(of: value.bigEndian, as: UInt16.self)
  }
  private static func word(_ source: UnsafeMutablePointer<UInt8>) -> UInt32 {
    UInt32(bigEndian: UnsafeRawPointer(source).loadUnaligned(as: UInt32.self))
  }
}
