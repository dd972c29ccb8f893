import CPortalShims
import Glibc

/// The PCI device through which a virtual machine sees its portals and pools, as Linux shows it under `/sys`.
///
/// Its memory is mapped from the file `resource2`, which needs a root user and no driver (Linux 6.1,
/// `Documentation/PCI/sysfs-pci.rst`), or from vfio-pci where that drives the device, which then gives its
/// interrupts too.
struct SharedMemoryDevice {
  /// The device's memory, mapped.
  let memory: UnsafeMutableRawPointer
  /// How many bytes.
  let size: Int
  /// vfio-pci's descriptor; -1 for a device without interrupts.
  private let descriptor: Int32
  /// Where the doorbell register is.
  let bell: EngineBell.Register

  // SAFETY: the mapping stays for the life of the process.
  /// A device whose memory is mapped.
  init(
    memory: UnsafeMutableRawPointer, size: Int, descriptor: Int32 = -1,
    bell: EngineBell.Register = .none
  ) {
    self.bell = bell
    self.memory = memory
    self.size = size
    self.descriptor = descriptor
  }

  /// The first device of QEMU's kind that holds a window of ours.
  ///
  /// - Parameters:
  ///   - directory: Where the devices are.
  ///   - groups: Where vfio has their groups.
  /// - Returns: The device; `nil` when there is none.
  static func find(
    in directory: String = "/sys/bus/pci/devices", groups: String = "/dev/vfio"
  ) -> SharedMemoryDevice? {
    guard let listing = opendir(directory) else { return nil }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      let path = "\(directory)/\(name)"
      guard word(of: "\(path)/vendor") == 0x1af4, word(of: "\(path)/device") == 0x1110,
        // The kernel maps nothing of a device that a driver has (Linux 6.1, CONFIG_IO_STRICT_DEVMEM).
        let device = target(of: "\(path)/driver") == "vfio-pci"
          ? open(name, at: path, groups) : map(at: path)
      else { continue }
      if device.memory.counter(MachineWindow.Word.magic) == MachineWindow.magic,
        device.memory.counter(MachineWindow.Word.size) == UInt64(device.size)
      {
        return device
      }
      munmap(device.memory, device.size)
      if device.descriptor >= 0 { close(device.descriptor) }
    }
    return nil
  }

  /// Has each of its first interrupts raise a descriptor of its own.
  ///
  /// - Returns: The descriptors; none for a device without interrupts.
  /// - Throws: ``GuestError/noInterrupts(_:)`` when vfio refuses.
  func interrupts(_ count: Int) throws(GuestError) -> [Int32] {
    guard descriptor >= 0 else { return [] }
    let counters = (0..<count).map { _ in dpaac_eventfd() }
    guard !counters.contains(-1),
      dpaac_vfio_connect(descriptor, counters, UInt32(count)) == 0
    else {
      let error = errno
      for counter in counters where counter >= 0 { close(counter) }
      throw .noInterrupts(error)
    }
    return counters
  }

  /// A device that vfio-pci drives.
  private static func open(
    _ name: String, at path: String, _ groups: String
  ) -> SharedMemoryDevice? {
    guard let group = target(of: "\(path)/iommu_group") else { return nil }
    let descriptor = dpaac_vfio_open("\(groups)/vfio", "\(groups)/\(group)", name)
    guard descriptor >= 0 else { return nil }
    var offset: UInt64 = 0
    var size: UInt64 = 0
    guard dpaac_vfio_region(descriptor, 2, &offset, &size) == 0,
      let size = Int(exactly: size), let offset = off_t(exactly: offset), size >= 1 << 20,
      let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, offset),
      memory != MAP_FAILED
    else {
      close(descriptor)
      return nil
    }
    var (registers, length) = (0 as UInt64, 0 as UInt64)
    let hasRegisters = dpaac_vfio_region(descriptor, 0, &registers, &length) == 0
    return SharedMemoryDevice(
      memory: memory, size: size, descriptor: descriptor,
      bell: hasRegisters
        ? .vfio(
          descriptor, off_t(truncatingIfNeeded: registers) + off_t(EngineBell.Register.offset))
        : .none)
  }

  /// A device that no driver has.
  private static func map(at path: String) -> SharedMemoryDevice? {
    let descriptor = Glibc.open("\(path)/resource2", O_RDWR | O_SYNC | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_size >= 1 << 20,
      let memory = mmap(
        nil, Int(information.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { return nil }
    return SharedMemoryDevice(
      memory: memory, size: Int(information.st_size), bell: mapBell(at: path))
  }

  /// The doorbell register of a device that no driver has.
  static func mapBell(at path: String) -> EngineBell.Register {
    let descriptor = Glibc.open("\(path)/resource0", O_RDWR | O_SYNC | O_CLOEXEC)
    guard descriptor >= 0, let start = word(of: "\(path)/resource") else { return .none }
    defer { close(descriptor) }
    guard
      let page = mmap(nil, MachineWindow.page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      page != MAP_FAILED
    else { return .none }
    // The kernel maps the page that the registers lie in, which may begin before them.
    return .memory(
      page + Int(start % UInt64(MachineWindow.page)) + EngineBell.Register.offset)
  }

  /// The last part of where a link leads; `nil` when there is no link.
  private static func target(of path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: "/").last.map(String.init)
  }

  /// The number in a file such as `0x1af4`; `nil` when there is none.
  private static func word(of path: String) -> UInt64? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 2 else { return nil }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    return UInt64(text.dropFirst(2).prefix { $0.isHexDigit }, radix: 16)
  }
}
