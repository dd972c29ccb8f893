import QorIQ

/// Where the bytes of a frame lie, piece by piece: one piece for a frame in one buffer, up to 16 for
/// a frame in several.
///
/// A frame comes in several buffers when it is larger than every buffer of its receiver's pools. The
/// descriptor's own buffer then holds the table of the pieces, and none of the frame's bytes.
public struct FramePieces {
  /// A piece, and the buffer that it lies in.
  struct Piece {
    var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var bpid: BPID = 0
    var address: UInt64 = 0
    /// Bytes from the piece's start to its buffer's end.
    var room = 0
  }

  private var pieces = InlineArray<16, Piece>(repeating: Piece())
  /// How many pieces there are.
  public private(set) var count = 0
  /// Bytes of all pieces.
  public private(set) var length = 0
  /// Whether the table has an end, and its pieces add up to the frame.
  private(set) var isWhole = false

  // SAFETY: `memory` is the start of the descriptor's buffer in one of the pools, whose mappings are
  // whole; every other buffer is looked up in them.
  /// Finds the pieces of a frame, as far as they are in this guest's pools and buffers.
  init(
    _ descriptor: FrameDescriptor, memory: UnsafeMutableRawPointer, capacity: Int,
    in pools: UnsafeMutableBufferPointer<MappedPool>
  ) {
    guard descriptor.isScattered else {
      let offset = min(Int(descriptor.offset), capacity)
      append(
        UnsafeMutableRawBufferPointer(
          start: memory + offset, count: min(Int(descriptor.length), capacity - offset)),
        descriptor.bpid, descriptor.address, room: capacity - offset)
      isWhole = length == Int(descriptor.length)
      return
    }
    var place = Int(descriptor.offset)
    while count < FragmentEntry.limit, place + FragmentEntry.size <= capacity {
      let entry = FragmentEntry(UnsafeRawPointer(memory) + place)
      guard !entry.isExtension, let pool = pools.first(where: { $0.bpid == entry.bpid }),
        let start = pool.pointer(to: entry.address),
        UInt64(entry.offset) + UInt64(entry.length) <= UInt64(pool.size)
      else { return }
      append(
        UnsafeMutableRawBufferPointer(
          start: start + Int(entry.offset), count: Int(entry.length)),
        entry.bpid, entry.address, room: Int(pool.size) - Int(entry.offset))
      if entry.isFinal {
        isWhole = length == Int(descriptor.length)
        return
      }
      place += FragmentEntry.size
    }
  }

  private mutating func append(
    _ bytes: UnsafeMutableRawBufferPointer, _ bpid: BPID, _ address: UInt64, room: Int
  ) {
    pieces[count] = Piece(bytes: bytes, bpid: bpid, address: address, room: room)
    count += 1
    length += bytes.count
  }

  /// The bytes of a piece, from 0 for the first to ``count`` less one for the last.
  public subscript(index: Int) -> UnsafeMutableRawBufferPointer {
    precondition(index >= 0 && index < count, "no such piece of the frame")
    return pieces[index].bytes
  }

  /// How many bytes there are from a piece's start to its buffer's end.
  func room(_ index: Int) -> Int { pieces[index].room }

  /// A piece's buffer, as a descriptor of an empty frame names it.
  func descriptor(_ index: Int) -> FrameDescriptor {
    FrameDescriptor(
      bpid: pieces[index].bpid, address: pieces[index].address, offset: 0, length: 0)
  }

  /// Copies the frame's bytes.
  ///
  /// - Parameter target: Where they go; what it has no room for is left out.
  /// - Returns: How many bytes were copied.
  @discardableResult
  public func copyBytes(to target: UnsafeMutableRawBufferPointer) -> Int {
    var done = 0
    for index in 0..<count {
      let bytes = pieces[index].bytes.prefix(target.count - done)
      UnsafeMutableRawBufferPointer(rebasing: target[done...]).copyBytes(from: bytes)
      done += bytes.count
    }
    return done
  }
}

extension Portal {
  /// The pieces of a frame; `nil` when its table is not one.
  ///
  /// QMan and FMan deliver whole tables only: this guest has written over it then. The pieces are good
  /// as long as the buffer is held.
  public func pieces(of buffer: borrowing Buffer) -> FramePieces? {
    let pieces = buffer.pieces(in: pools)
    return pieces.isWhole ? pieces : nil
  }

  /// The bytes that a frame begins with, all of them unless it lies in several buffers, and how many there
  /// are to their buffer's end; `nil` for a frame in no format that is known, and when its table is not one.
  func head(of buffer: borrowing Buffer) -> (bytes: UnsafeMutableRawBufferPointer, room: Int)? {
    guard buffer.descriptor.format == 0 || buffer.descriptor.isScattered,
      let pieces = pieces(of: buffer), pieces.count > 0
    else { return nil }
    return (pieces[0], pieces.room(0))
  }

  /// Gives back the buffers of a frame in several, but for the one that its first piece lies in: that is a
  /// frame of its own then.
  mutating func firstPiece(of buffer: consuming Buffer) -> Buffer {
    let pieces = buffer.pieces(in: pools)
    let (queue, context) = (buffer.queue, buffer.context)
    let table = buffer.take()
    giveBack(
      self.buffer(
        FrameDescriptor(bpid: table.bpid, address: table.address, offset: 0, length: 0),
        queue: queue, context: context))
    for index in 1..<max(1, pieces.count) {
      giveBack(self.buffer(pieces.descriptor(index), queue: queue, context: context))
    }
    var first = self.buffer(pieces.descriptor(0), queue: queue, context: context)
    let offset = first.capacity - pieces.room(0)
    first.descriptor.formatLength = UInt32(offset) << 20 | UInt32(pieces[0].count)
    return first
  }

  /// Releases the buffers of a frame in several, the one with the table last.
  @usableFromInline mutating func releaseScattered(_ buffer: consuming Buffer) -> ReleaseResult {
    let pieces = buffer.pieces(in: pools)
    let perCommand = Self.buffersPerCommand
    let commands = (pieces.count + perCommand) / perCommand
    guard releaseRoom(UInt32(commands)) else { return .full(buffer) }
    let table = buffer.take().releaseWord
    var next = 0
    while next <= pieces.count {
      let entry = PortalLayout.BMan.rcr + rcr.offset(rcrProducer)
      let number = min(pieces.count + 1 - next, perCommand)
      var first: UInt64 = 0
      for place in 0..<number {
        let word = next + place < pieces.count ? pieces.descriptor(next + place).releaseWord : table
        if place == 0 { first = word } else { bman.store64(entry + 8 * place, word) }
      }
      let verb = Verb.releaseEach | UInt8(number) | rcr.polarity(rcrProducer)
      bman.release64(entry, UInt64(verb) << 56 | first)
      rcrProducer &+= 1
      rcrCredit &-= 1
      next += number
    }
    status.addCounter(GuestStatus.Counter.released.offset, UInt64(pieces.count + 1))
    return .accepted
  }
}

extension Buffer {
  func pieces(in pools: UnsafeMutableBufferPointer<MappedPool>) -> FramePieces {
    FramePieces(descriptor, memory: memory, capacity: capacity, in: pools)
  }
}

extension Burst {
  /// Makes one frame of the frames in the burst, which is empty then, to be sent as one.
  ///
  /// - Parameter table: A buffer for the table of pieces, 16 bytes for each behind its headroom.
  /// - Returns: The frame. To release it releases its pieces, too.
  /// - Precondition: There are 1 to 16 frames of a byte at least, each in one buffer, and of less than
  ///   a mebibyte together.
  public mutating func join(in table: consuming Buffer) -> Buffer {
    precondition((1...FragmentEntry.limit).contains(count), "a frame has 1 to 16 pieces")
    precondition(
      Buffer.headroom + count * FragmentEntry.size <= table.capacity,
      "the buffer has no room for the table")
    var length = 0
    var place = Buffer.headroom
    while let piece = removeFirst() {
      let descriptor = piece.take()
      precondition(
        descriptor.format == 0 && descriptor.length > 0, "a piece is a frame in one buffer")
      FragmentEntry(
        bpid: descriptor.bpid, address: descriptor.address, offset: descriptor.offset,
        length: descriptor.length, isFinal: isEmpty
      ).write(to: table.memory + place)
      length += Int(descriptor.length)
      place += FragmentEntry.size
    }
    precondition(length <= 0xf_ffff, "the frame is longer than a descriptor can say")
    table.descriptor =
      FrameDescriptor(
        bpid: table.descriptor.bpid, address: table.descriptor.address,
        offset: UInt32(Buffer.headroom), length: UInt32(length)
      ).scattered
    return table
  }
}
