import CSecurity
import DPAAPortal

// SAFETY: as in `TunnelStep`: lengths and the tag are read once, all else may change under the library's hands.
/// One request to encipher or decipher data as it comes: what is done before the library's work and after it.
///
/// ```
/// input:   length of A (4) | vector (12 or 16) | A | text            deciphering: | tag
/// output:                             A's place | text | tag         deciphering: none
/// ```
/// A is authenticated, the text too. A's place in the output is passed over, as by the commands of the descriptor
/// (Linux 6.1, `drivers/crypto/caam/caamalg_desc.c`, `cnstr_shdsc_gcm_encap` and the like).
struct AEADStep: BitwiseCopyable {
  private var associated = 0
  private var text = 0
  private var target: UnsafeMutablePointer<UInt8>?
  /// Whether the text still has to be copied to where it is wanted.
  private var isElsewhere = false

  /// Does what comes before the library's work, or fails the request.
  mutating func begin(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>, _ scratch: Scratch
  ) {
    // What was not done is not to look like done.
    job.pointee.failure = UInt32(DPAAC_SECURITY_FAILED)
    let isGCM = record.pointee.isGCM
    let front = 4 + SharedDescriptor.AuthenticatedCipher.vectorLength(isGCM: isGCM)
    guard measure(&request, record, front: front) else {
      return request.fail(.sequence)
    }
    guard isGCM || text > 0 && text & 15 == 0 else {
      return request.fail(.length, status: SecurityStatus.dataSize(at: record.pointee.cipherIndex))
    }
    guard isGCM || associated + text <= DPAAC_SECURITY_LONGEST_HMAC else {
      return request.fail(.sequence)
    }
    // Where a hash is over both, they must lie behind each other, and what is enciphered must be there.
    let isCopied = !isGCM && record.pointee.isEncapsulation
    guard let vector = request.input(from: 4, count: front - 4, scratch),
      let data = request.input(
        from: front, count: associated + text, scratch, mayChange: isCopied)
    else { return request.fail(.memory) }
    job.pointee.iv = UnsafePointer(vector)
    job.pointee.source = UnsafePointer(data + associated)
    job.pointee.length = UInt32(text)
    job.pointee.authenticated = UnsafePointer(data)
    job.pointee.authenticated_length = UInt32(isGCM ? associated : associated + text)
    if isCopied {
      target = data + associated
      isElsewhere = true
    } else if let place = request.outputPlace(at: associated, count: text),
      Self.isSafe(place, text, data, associated, vector, front - 4)
    {
      target = place
    } else {
      target = scratch.take(text)
      isElsewhere = true
    }
    guard let target else { return request.fail(.memory) }
    job.pointee.target = target
    guard !record.pointee.isEncapsulation else { return }
    job.pointee.tag_length = UInt32(record.pointee.tagLength)
    guard
      request.copyInput(
        from: front + associated + text, count: record.pointee.tagLength,
        into: dpaac_security_tag(job))
    else { return request.fail(.sequence) }
  }

  /// Finds out how long everything is; `false` when there is too little to read, or no room to write.
  private mutating func measure(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>, front: Int
  ) -> Bool {
    var word: UInt32 = 0
    guard request.inputLength >= front,
      withUnsafeMutableBytes(
        of: &word, { $0.baseAddress.map { request.copyInput(from: 0, count: 4, into: $0) } })
        == true
    else { return false }
    associated = Int(UInt32(bigEndian: word))
    let rest = request.inputLength - front - associated
    guard rest >= 0 else { return false }
    guard !record.pointee.isEncapsulation else {
      text = rest
      return associated + text + record.pointee.tagLength <= request.outputRoom
    }
    // How much is deciphered is told by the output's length, if the frame says one. That the rest of the input
    // tells otherwise is our reading: no source has such a descriptor with a frame that is not compound.
    text =
      request.frame.isCompound ? request.outputRoom - associated : rest - record.pointee.tagLength
    return text >= 0 && rest >= text + record.pointee.tagLength
      && associated + text <= request.outputRoom
      && (request.frame.isCompound || associated + text > 0)
  }

  /// Whether a library may write the text to its place while it reads the rest: nothing of that lies there, or
  /// the text itself exactly.
  private static func isSafe(
    _ target: UnsafeMutablePointer<UInt8>, _ text: Int, _ data: UnsafeMutablePointer<UInt8>,
    _ associated: Int, _ vector: UnsafeMutablePointer<UInt8>, _ vectorLength: Int
  ) -> Bool {
    func isApart(_ start: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
      start + count <= target || target + text <= start
    }
    return isApart(vector, vectorLength)
      && (target == data + associated || isApart(data, associated + text))
  }

  /// Does what comes after the library's work.
  mutating func finish(
    _ request: inout AcceleratorJob, _ record: UnsafeMutablePointer<SecurityRecord>,
    _ job: UnsafeMutablePointer<dpaac_security_job>
  ) {
    guard let target else { return }
    guard request.isDone(job.pointee, record) else { return }
    if isElsewhere { request.copyOutput(from: target, at: associated, count: text) }
    request.written = associated + text
    guard record.pointee.isEncapsulation else { return }
    let count = record.pointee.tagLength
    request.copyOutput(from: dpaac_security_tag(job), at: associated + text, count: count)
    request.written += count
  }
}
