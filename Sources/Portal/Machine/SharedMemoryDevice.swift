import CPortalShims
import Glibc

/// The PCI device through which a virtual machine sees its portals and pools, as Linux shows it under `/sys`.
///
/// Its memory is mapped from the file `resource2`, which needs a root user and no driver (Linux 6.1,
/// `Documentation/PCI/sysfs-pci.rst`).
struct SharedMemoryDevice {
  /// The device's memory, mapped.
  let memory: UnsafeMutableRawPointer
  /// How many bytes.
  let size: Int

  // SAFETY: the mapping stays for the life of the process.
  /// The first device of QEMU's kind that holds a window of ours.
  ///
  /// - Parameter directory: Where the devices are.
  /// - Returns: The device; `nil` when there is none.
  static func find(in directory: String = "/sys/bus/pci/devices") -> SharedMemoryDevice? {
    guard let listing = opendir(directory) else { return nil }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      let path = "\(directory)/\(name)"
      guard word(of: "\(path)/vendor") == 0x1af4, word(of: "\(path)/device") == 0x1110,
        let device = map("\(path)/resource2")
      else { continue }
      if device.memory.counter(MachineWindow.Word.magic) == MachineWindow.magic,
        device.memory.counter(MachineWindow.Word.size) == UInt64(device.size)
      {
        return device
      }
      munmap(device.memory, device.size)
    }
    return nil
  }

  private static func map(_ path: String) -> SharedMemoryDevice? {
    let descriptor = open(path, O_RDWR | O_SYNC | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_size >= 1 << 20,
      let memory = mmap(
        nil, Int(information.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { return nil }
    return SharedMemoryDevice(memory: memory, size: Int(information.st_size))
  }

  /// The number in a file such as `0x1af4`; `nil` when there is none.
  private static func word(of path: String) -> UInt64? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 2 else { return nil }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    return UInt64(text.dropFirst(2).prefix { $0.isHexDigit }, radix: 16)
  }
}
