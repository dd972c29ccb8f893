public import QorIQ

// The commands of descriptors that encipher data as it comes, word for word as Linux 6.1 has SEC's queue interface
// do it: `drivers/crypto/caam/caamalg_desc.c`, `cnstr_shdsc_gcm_encap`, `cnstr_shdsc_gcm_decap`,
// `cnstr_shdsc_aead_encap` and `cnstr_shdsc_aead_decap` with `is_qi`. Encodings: `desc.h` there.
//
// One thing differs: there the key of HMAC is a split one, which SEC itself has made and encrypted beforehand through
// a job ring (`KEY_DEST_MDHA_SPLIT`, `OP_ALG_AAI_HMAC_PRECOMP`); here it is the key itself, with the mode
// `OP_ALG_AAI_HMAC`, as DPDK 22.11 does for HMAC alone (`drivers/common/dpaax/caamflib/desc/algo.h`,
// `cnstr_shdsc_hmac`).
extension SharedDescriptor {
  /// What data is enciphered and authenticated with.
  public enum AuthenticatedCipher: Sendable, Hashable {
    /// AES-GCM: a key of 16, 24 or 32 bytes, a vector of 12 with each request, a tag of 4, 8, or 12 to 16 bytes.
    case gcm(key: [UInt8])
    /// AES-CBC with HMAC-SHA-256 over what was enciphered: a key of 16, 24 or 32 bytes, and one of up to 64 for the
    /// hash; a vector of 16 with each request, a tag of 4 to 32 bytes.
    case cbcWithHMAC(key: [UInt8], authentication: [UInt8])

    /// Bytes of the vector in front of each request's data.
    public var vectorLength: Int { Self.vectorLength(isGCM: isGCM) }

    /// The same, for AES-GCM or the other.
    public static func vectorLength(isGCM: Bool) -> Int { isGCM ? 12 : 16 }

    var isGCM: Bool {
      if case .gcm = self { return true }
      return false
    }

    /// What stands in front of a request's data: how many bytes of it are authenticated only, and the vector.
    ///
    /// - Parameters:
    ///   - associated: How many bytes come first that are authenticated and not enciphered.
    ///   - vector: ``vectorLength`` bytes; with GCM never twice the same under one key.
    /// - Returns: Four bytes more than the vector has.
    public func front(associated: Int, vector: [UInt8]) -> [UInt8] {
      precondition(vector.count == vectorLength, "the vector has another length")
      return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: associated >> $0) } + vector
    }
  }

  /// A descriptor that enciphers and authenticates data.
  ///
  /// A request's input is ``AuthenticatedCipher/front(associated:vector:)``, the data that is authenticated only, and
  /// the text; for CBC whole blocks of it. Its output is the enciphered text and the tag, behind as much room as the
  /// data that is authenticated only takes: that room is not written.
  ///
  /// - Parameters:
  ///   - cipher: The keys.
  ///   - tagLength: Bytes of the tag.
  ///   - outputPool: The pool from which buffers for outputs are taken, for requests that are no compound frames.
  public init(
    enciphering cipher: AuthenticatedCipher, tagLength: Int = 16, outputPool: BPID = 0
  ) {
    self.init(cipher, enciphers: true, tagLength: tagLength, outputPool: outputPool)
  }

  /// A descriptor that deciphers data and compares its tag.
  ///
  /// A request's input is as for enciphering, with the tag behind the text. Of a compound frame the output's length
  /// tells how long text and data are together.
  ///
  /// - Parameters:
  ///   - cipher: The keys.
  ///   - tagLength: Bytes of the tag.
  ///   - outputPool: The pool from which buffers for outputs are taken, for requests that are no compound frames.
  public init(
    deciphering cipher: AuthenticatedCipher, tagLength: Int = 16, outputPool: BPID = 0
  ) {
    self.init(cipher, enciphers: false, tagLength: tagLength, outputPool: outputPool)
  }

  private init(
    _ cipher: AuthenticatedCipher, enciphers: Bool, tagLength: Int, outputPool: BPID
  ) {
    precondition(
      Self.isTag(tagLength, isGCM: cipher.isGCM), "the cipher has no tag of such a length")
    let keys: [UInt32]
    switch cipher {
    case .gcm(let key): keys = Self.key(key, Word.class1)
    case .cbcWithHMAC(let key, let authentication):
      keys = Self.key(authentication, Word.class2) + Self.key(key, Word.class1)
    }
    let body =
      [Word.jumpIfShared | UInt32(keys.count + 1)] + keys
      + Self.commands(isGCM: cipher.isGCM, enciphers: enciphers, tagLength: tagLength)
    precondition(body.count < Self.limit, "the descriptor is longer than SEC takes")
    // Commands begin behind the header: there is no data block. Contexts of a hash are kept (`HDR_SAVECTX`).
    let header = Word.header | UInt32(body.count + 1) | (cipher.isGCM ? 0 : 0x1000)
    self.init(words: [UInt32(body.count + 1), UInt32(outputPool.rawValue) << 16, header] + body)
  }

  /// Whether a tag may be so long: that of AES-GCM, or of HMAC-SHA-256.
  public static func isTag(_ length: Int, isGCM: Bool) -> Bool {
    isGCM ? [4, 8, 12, 13, 14, 15, 16].contains(length) : (4...32).contains(length)
  }

  /// The commands behind the keys, for AES-GCM or AES-CBC with HMAC-SHA-256.
  public static func commands(isGCM: Bool, enciphers: Bool, tagLength: Int) -> [UInt32] {
    let tag = UInt32(tagLength)
    switch (isGCM, enciphers) {
    case (true, true):
      return [Command.sealByGCM] + Command.readLength + [
        // VSEQOUTLEN = SEQINLEN - 12; nothing but the vector: on to where it is read last.
        0xa828_4b04, 12, Command.jumpIfZero | 15,
        Command.readVectorOfGCM,
        // VSEQINLEN = REG3; none: on to the text.
        Command.associatedIn, Command.jumpIfZero | 6,
        Command.associatedOut, Command.skipOut,
        // VSEQOUTLEN = SEQINLEN - REG3; no text: on to what is authenticated, as the last.
        0xa828_3b04, Command.jumpIfZero | 6,
        Command.readAssociated,
        // VSEQINLEN = SEQINLEN, then the text out and in.
        0xa828_0a04, Command.writeText, 0x2b12_0000, Command.jump | 4,
        // The data that is authenticated, as the last; or the vector, as the last.
        0x2b32_0000, Command.jump | 2,
        0x2a23_000c,
        // The tag out of the first context.
        0x5a20_0000 | tag,
      ]
    case (true, false):
      return [Command.openByGCM] + Command.readLength + [
        Command.readVectorOfGCM,
        Command.associatedIn, Command.jumpIfZero | 4,
        Command.associatedOut, Command.skipOut, Command.readAssociated,
        // VSEQINLEN = SEQOUTLEN; no text: on to the tag.
        0xa829_0a04, Command.jumpIfZero | 4,
        // VSEQOUTLEN = SEQOUTLEN, then the text out and in.
        0xa829_0b04, Command.writeText, 0x2b11_0000,
        // The tag in, to be compared.
        0x2a3a_0000 | tag,
      ]
    case (false, true):
      return [Command.hash] + Command.readLength + [
        Command.readVectorOfCBC,
        Command.associatedIn, Command.associatedOut, Command.skipOut, Command.hashAssociated,
        Command.encipherByCBC,
        // VSEQINLEN = VSEQOUTLEN = SEQINLEN, then the text out and in; what comes out is hashed.
        0xa808_0a04, 0xa808_0b04, Command.writeText, 0x2f1e_0000,
        // The tag out of the second context.
        0x5c20_0000 | tag,
      ]
    case (false, false):
      return [Command.compareHash] + Command.readLength + [
        Command.readVectorOfCBC,
        Command.associatedIn, Command.associatedOut, Command.skipOut, Command.hashAssociated,
        // Keys that are there already are those for deciphering (`OP_ALG_AAI_DK`).
        0xa100_4003, Command.decipherByCBC, Command.jump | 2, 0x8210_110c,
        // VSEQINLEN = VSEQOUTLEN = SEQOUTLEN, then the text out and in, hashed as it is.
        0xa809_0a04, 0xa809_0b04, Command.writeText, 0x2f16_0000,
        // The tag in, to be compared.
        0x2c3c_0000 | tag,
      ]
    }
  }

  /// Commands that descriptors have in common.
  public enum Command {
    /// OPERATION of class 1: AES, GCM, to encipher.
    public static var sealByGCM: UInt32 { 0x8210_090d }
    /// OPERATION of class 1: AES, GCM, to decipher and compare.
    public static var openByGCM: UInt32 { 0x8210_090e }
    /// OPERATION of class 2: SHA-256, HMAC, to compute.
    public static var hash: UInt32 { 0x8443_001d }
    /// OPERATION of class 2: SHA-256, HMAC, to compare.
    public static var compareHash: UInt32 { 0x8443_001e }
    /// OPERATION of class 1: AES, CBC, to encipher.
    public static var encipherByCBC: UInt32 { 0x8210_010d }
    /// OPERATION of class 1: AES, CBC, to decipher.
    public static var decipherByCBC: UInt32 { 0x8210_010c }
    /// SEQ LOAD of four bytes into REG3, and a JUMP to the next command that waits for it.
    static var readLength: [UInt32] { [0x1e0b_0404, 0xa100_1f01] }
    /// SEQ FIFO LOAD of twelve bytes as a vector.
    static var readVectorOfGCM: UInt32 { 0x2a21_000c }
    /// SEQ LOAD of sixteen bytes into the first context.
    static var readVectorOfCBC: UInt32 { 0x1a20_0010 }
    /// MATH: VSEQINLEN = REG3.
    static var associatedIn: UInt32 { 0xa80c_3a04 }
    /// MATH: VSEQOUTLEN = REG3.
    static var associatedOut: UInt32 { 0xa80c_3b04 }
    /// SEQ FIFO STORE that passes over VSEQOUTLEN bytes.
    static var skipOut: UInt32 { 0x693f_0000 }
    /// SEQ FIFO STORE of VSEQOUTLEN bytes.
    static var writeText: UInt32 { 0x6930_0000 }
    /// SEQ FIFO LOAD of VSEQINLEN bytes for the cipher, as what is authenticated.
    static var readAssociated: UInt32 { 0x2b31_0000 }
    /// SEQ FIFO LOAD of VSEQINLEN bytes for the hash.
    static var hashAssociated: UInt32 { 0x2d10_0000 }
    /// JUMP.
    static var jump: UInt32 { 0xa000_0000 }
    /// JUMP if the last MATH gave 0.
    static var jumpIfZero: UInt32 { 0xa000_0400 }
  }
}
