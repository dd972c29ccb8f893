import CSecurity
import DPAAPortal

// SAFETY: pieces of a job are whole, as the engine found them. What decides about memory (lengths, padding) is
// read once; all else may change under the library's hands, which costs the owner its own packet only.
/// One packet on its way into an ESP tunnel or out of one: what is done before the library's work and after it
/// (RFC 4303, sections 2 and 3; RFC 4106 for AES-GCM, RFC 4868 for HMAC-SHA-256).
struct TunnelStep: BitwiseCopyable {
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
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>, _ scratch: Scratch, _ vectors: VectorSource
  ) {
    // What was not done is not to look like done.
    job.pointee.failure = UInt32(DPAAC_SECURITY_FAILED)
    let fault =
      record.pointee.isEncapsulation
      ? encapsulate(&request, record, job, scratch, vectors)
      : decapsulate(&request, record, job, scratch)
    if let fault { request.fail(fault) }
  }

  // MARK: Into the tunnel

  private mutating func encapsulate(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>, _ scratch: Scratch, _ vectors: VectorSource
  ) -> SecurityStatus.Descriptor? {
    // Lengths are of a frame's size at most: nothing here overflows.
    let outer = record.pointee.outerHeaderLength
    let alignment = record.pointee.alignment
    let inner = request.inputLength
    guard inner > 0 else { return .sequence }
    let enciphered = (inner &+ 1 &+ alignment) & ~(alignment &- 1)
    let front = outer &+ Self.headerLength &+ record.pointee.vectorLength
    let length = front &+ enciphered &+ SecurityProgram.tunnelTagLength
    self.length = length
    guard length <= request.outputRoom else { return .sequence }
    // What the outer header will say: IPv6 counts its extension headers, too.
    guard length &- (record.pointee.isOuterIPv6 ? 40 : 0) <= Int(UInt16.max) else { return .size }
    guard let start = place(&request, scratch, count: length) else { return .memory }
    guard let number = record.pointee.state.next(isExtended: record.pointee.isExtended) else {
      return .sequenceOverflow
    }
    output = start
    self.number = number
    let header = start + outer
    let payload = start + front
    // Where the library itself can go over the packet, in its own buffer, it is not copied: what its owner changes
    // there meanwhile spoils that owner's packet only. What is hashed behind the cipher must lie in the output.
    var text = payload
    if record.pointee.isGCM, !isElsewhere, let packet = request.inputWithRoom(count: enciphered) {
      text = packet
    } else {
      // The packet first: it may lie where the headers go.
      guard request.copyInput(from: 0, count: inner, into: payload) else { return .memory }
    }
    Self.pad(text + inner, count: enciphered &- 2 &- inner, record.pointee.nextHeader)
    if let header = record.pointee.outerHeader {
      UnsafeMutableRawPointer(start).copyHeader(from: header, count: outer)
    }
    complete(start, record)
    Self.put(Self.pair(record.pointee.spi, number), header)
    job.pointee.source = UnsafePointer(text)
    job.pointee.target = payload
    job.pointee.length = UInt32(truncatingIfNeeded: enciphered)
    let vector = header + Self.headerLength
    if record.pointee.isGCM {
      let count = vectors.count()
      Self.put(count, vector)
      prepareGCM(job, record, index: record.pointee.spi, vector: count)
    } else {
      vectors.draw(vector, count: record.pointee.vectorLength)
      prepareCBC(job, record, header: header, enciphered: enciphered)
    }
    return nil
  }

  /// Writes what stands behind a packet: padding that counts from 1, its length, and what the packet is.
  @inline(__always)
  private static func pad(_ end: UnsafeMutablePointer<UInt8>, count: Int, _ nextHeader: UInt8) {
    var place = 0
    while place < count {
      end[place] = UInt8(truncatingIfNeeded: place &+ 1)
      place &+= 1
    }
    end[count] = UInt8(truncatingIfNeeded: count)
    end[count &+ 1] = nextHeader
  }

  /// Makes an outer header's length right, and an IPv4 header's checksum, from the sum of all else in it.
  @inline(__always)
  private func complete(
    _ header: UnsafeMutablePointer<UInt8>, _ record: UnsafeMutablePointer<SecurityRecord>
  ) {
    if record.pointee.isOuterIPv6 {
      Self.put(UInt16(truncatingIfNeeded: length &- 40), header + 4)
      return
    }
    Self.put(UInt16(truncatingIfNeeded: length), header + 2)
    var sum = record.pointee.outerSum &+ UInt32(truncatingIfNeeded: length)
    while sum &>> 16 != 0 { sum = sum & 0xffff &+ sum &>> 16 }
    Self.put(UInt16(truncatingIfNeeded: ~sum), header + 10)
  }

  /// What is alike in both directions with GCM: the nonce, and what is authenticated beside the text.
  @inline(__always)
  private func prepareGCM(
    _ job: UnsafeMutablePointer<dpaac_security_job>,
    _ record: UnsafeMutablePointer<SecurityRecord>, index: UInt32, vector: UInt64
  ) {
    let nonce = dpaac_security_nonce(job)
    Self.put(record.pointee.salt, nonce)
    Self.put(vector, nonce + 4)
    job.pointee.iv = UnsafePointer(nonce)
    let authenticated = nonce + 16
    job.pointee.authenticated = UnsafePointer(authenticated)
    if record.pointee.isExtended {
      Self.put(index, authenticated)
      Self.put(number, authenticated + 4)
      job.pointee.authenticated_length = 12
    } else {
      Self.put(Self.pair(index, number), authenticated)
      job.pointee.authenticated_length = 8
    }
  }

  /// The same with CBC: the vector, and that the whole packet is authenticated.
  @inline(never)
  private func prepareCBC(
    _ job: UnsafeMutablePointer<dpaac_security_job>,
    _ record: UnsafeMutablePointer<SecurityRecord>, header: UnsafeMutablePointer<UInt8>,
    enciphered: Int
  ) {
    let nonce = dpaac_security_nonce(job)
    let vector = header + Self.headerLength
    nonce.update(from: vector, count: 16)
    job.pointee.iv = UnsafePointer(nonce)
    job.pointee.authenticated = UnsafePointer(header)
    job.pointee.authenticated_length = UInt32(Self.headerLength + 16 + enciphered)
    if record.pointee.isExtended {
      // Behind all else, where the tag goes later.
      Self.put(UInt32(truncatingIfNeeded: number >> 32), vector + 16 + enciphered)
      job.pointee.authenticated_length += 4
    }
  }

  // MARK: Out of the tunnel

  private mutating func decapsulate(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>, _ scratch: Scratch
  ) -> SecurityStatus.Descriptor? {
    let front = record.pointee.outerHeaderLength + Self.headerLength + record.pointee.vectorLength
    length = request.inputLength - front - SecurityProgram.tunnelTagLength
    guard length > 0, length & (record.pointee.alignment - 1) == 0 else { return .format }
    let isExtended = record.pointee.isExtended
    guard
      let packet = request.input(
        from: 0, count: request.inputLength, scratch,
        mayChange: isExtended && !record.pointee.isGCM)
    else { return .memory }
    let header = packet + record.pointee.outerHeaderLength
    guard
      let number = record.pointee.state.whole(
        Self.word(header + 4), isExtended: isExtended, window: record.pointee.window)
    else { return .late }
    if let fault = record.pointee.state.fault(number, window: record.pointee.window) {
      return fault
    }
    self.number = number
    guard let target = place(&request, scratch, count: length) else { return .memory }
    output = target
    job.pointee.source = UnsafePointer(packet + front)
    job.pointee.target = target
    job.pointee.length = UInt32(length)
    job.pointee.tag_length = UInt32(SecurityProgram.tunnelTagLength)
    dpaac_security_tag(job).update(
      from: packet + front + length, count: SecurityProgram.tunnelTagLength)
    if record.pointee.isGCM {
      let vector = UnsafeRawPointer(header + Self.headerLength).loadUnaligned(as: UInt64.self)
      prepareGCM(job, record, index: Self.word(header), vector: vector.bigEndian)
    } else {
      prepareCBC(job, record, header: header, enciphered: length)
    }
    return nil
  }

  // MARK: Behind the library's work

  /// Does what comes after the library's work.
  mutating func finish(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>
  ) {
    guard let output else { return }
    guard request.isDone(job.pointee, record) else { return }
    if record.pointee.isEncapsulation {
      let count = SecurityProgram.tunnelTagLength
      UnsafeMutableRawPointer(output + length - count)
        .copyMemory(from: dpaac_security_tag(job), byteCount: count)
    } else {
      // Another packet of the batch may have had the same number.
      if let fault = record.pointee.state.fault(number, window: record.pointee.window) {
        return request.fail(fault)
      }
      record.pointee.state.note(number)
      let padding = Int(output[length - 2])
      guard padding + 2 <= length, Self.isPadding(output + length - 2 - padding, padding) else {
        return request.fail(.format)
      }
      if record.pointee.hasOuterHeader { length -= 2 + padding }
      // A frame of no bytes is none; a compound one's table can say that there are none.
      guard length > 0 || request.frame.isCompound else { return request.fail(.format) }
    }
    guard length <= request.outputRoom else { return request.fail(.sequence) }
    request.written = length
    guard isElsewhere else { return }
    request.copyOutput(from: output, at: 0, count: length)
  }

  /// Whether bytes count from 1, as padding does that nobody chose.
  private static func isPadding(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
    (0..<count).allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0 + 1) }
  }

  // MARK: Memory

  /// Where an output is made: where it is wanted if that is one piece, and not where the input lies.
  @inline(__always)
  private mutating func place(
    _ request: inout AcceleratorJob, _ scratch: Scratch, count: Int
  ) -> UnsafeMutablePointer<UInt8>? {
    // Any other frame's output is a buffer of its own.
    if !request.frame.isCompound, count <= request.outputRoom {
      return request.output[0].baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
    if let start = request.outputPlace(at: 0, count: count),
      !request.inputMeets(start, count: count)
    {
      return start
    }
    isElsewhere = true
    return scratch.take(count)
  }

  @inline(__always)
  private static func put<Number: FixedWidthInteger & BitwiseCopyable>(
    _ value: Number, _ target: UnsafeMutablePointer<UInt8>
  ) {
    UnsafeMutableRawPointer(target).storeBytes(of: value.bigEndian, as: Number.self)
  }
  /// Index and the number's low half, as they stand in the header.
  @inline(__always)
  private static func pair(_ index: UInt32, _ number: UInt64) -> UInt64 {
    UInt64(index) &<< 32 | number & 0xffff_ffff
  }
  private static func word(_ source: UnsafeMutablePointer<UInt8>) -> UInt32 {
    UInt32(bigEndian: UnsafeRawPointer(source).loadUnaligned(as: UInt32.self))
  }
}
