extension GuestSession {
  // SAFETY: the device's memory stays mapped as long as the process.
  /// Takes grant and regions out of a device's memory, and its interrupts for the portals.
  ///
  /// - Throws: ``GuestError`` for a grant of another version, or one that has no room in the window, and when
  ///   the device has no interrupts to give although it should.
  static func attach(
    window device: SharedMemoryDevice
  ) throws(GuestError) -> GuestSession {
    let (window, size) = (device.memory, device.size)
    let length = window.counter(MachineWindow.Word.grantLength)
    guard length <= UInt64(MachineWindow.longestGrant), size >= MachineWindow.page + Int(length)
    else { throw .badGrant }
    let message = UnsafeRawBufferPointer(start: window + MachineWindow.page, count: Int(length))
    guard let grant = GuestGrant(message: Array(message)) else { throw .badGrant }
    let places = MachineWindow(grant)
    guard places.size <= size else { throw .badRegion("machine's") }
    return GuestSession(
      grant: grant, window: window + places.portals, status: window + places.status,
      poolMemory: places.pools.map { window + $0 }, host: .window(window, device.bell),
      interrupts: try device.interrupts(grant.portalCount))
  }
}

extension MachineWindow {
  // SAFETY: the region is `size` bytes of zeros.
  /// Describes everything to the machine that will find it.
  ///
  /// - Returns: `false` for a grant that is too long.
  public func describe(_ grant: GuestGrant, in region: UnsafeMutableRawPointer) -> Bool {
    let message = grant.message
    guard message.count <= Self.longestGrant else { return false }
    message.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(start: region + Self.page, count: bytes.count).copyMemory(
        from: bytes)
    }
    region.setCounter(Word.grantLength, UInt64(message.count))
    region.setCounter(Word.size, UInt64(size))
    region.setCounter(Word.magic, Self.magic)
    return true
  }
}
