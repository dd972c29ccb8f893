import CPortalShims
import Glibc

// SAFETY: attributes are as long as is said, and what they point to lives through their call.
/// A program in the kernel that gives every frame of a device's first queue to a socket, as long as this
/// lives: loaded and attached by bpf(2) alone.
///
/// (Linux 6.1, `include/uapi/linux/bpf.h`, `union bpf_attr` and `enum bpf_cmd`.)
struct XDPRedirect: BitwiseCopyable {
  private let map: Int32
  private let program: Int32
  private let link: Int32

  private enum Command {
    static let makeMap: Int32 = 0
    static let updateMap: Int32 = 2
    static let load: Int32 = 5
    static let attach: Int32 = 28
  }

  /// Attaches a program to a device of this thread's namespace, for a socket that has a receive ring.
  init(to socket: Int32, device: UInt32, named name: String) throws(LineError) {
    var opened: [Int32] = []
    do throws(LineError) {
      map = try Self.makeMap(for: socket)
      opened.append(map)
      program = try Self.load(map)
      opened.append(program)
      link = try Self.attach(program, to: device, named: name)
    } catch {
      for descriptor in opened { Glibc.close(descriptor) }
      throw error
    }
  }

  /// Takes the program off the device, whose frames are the kernel's again.
  func close() {
    for descriptor in [link, program, map] { Glibc.close(descriptor) }
  }

  private static func call(_ command: Int32, _ words: [UInt32]) -> Int32 {
    words.withUnsafeBytes { dpaac_bpf(command, $0.baseAddress, UInt32($0.count)) }
  }

  private static func halves(_ pointer: UnsafeRawPointer?) -> [UInt32] {
    let address = UInt64(UInt(bitPattern: pointer))
    return withUnsafeBytes(of: address) { Array($0.bindMemory(to: UInt32.self)) }
  }

  /// A table of sockets by queue, with this one for queue 0.
  private static func makeMap(for socket: Int32) throws(LineError) -> Int32 {
    // Its type, BPF_MAP_TYPE_XSKMAP; bytes of a key and of a value; one entry; flags.
    let map = call(Command.makeMap, [17, 4, 4, 1, 0])
    guard map >= 0 else {
      let hint: String? =
        switch errno {
        case EPERM: "it wants CAP_BPF and CAP_NET_ADMIN"
        case ENOSYS: "this kernel has no bpf(2)"
        default: nil
        }
      throw LineError("no table for AF_XDP", hint: hint)
    }
    let (key, value): (UInt32, UInt32) = (0, UInt32(bitPattern: socket))
    let result = withUnsafeBytes(of: key) { key in
      withUnsafeBytes(of: value) { value in
        call(
          Command.updateMap,
          [UInt32(bitPattern: map), 0] + halves(key.baseAddress) + halves(value.baseAddress)
            + [0, 0])
      }
    }
    guard result == 0 else {
      let error = errno
      Glibc.close(map)
      throw LineError("the kernel's table does not take the socket", error)
    }
    return map
  }

  /// `struct bpf_insn`: an operation, its registers, an offset and a number.
  private static func instruction(
    _ operation: UInt8, target: UInt8 = 0, source: UInt8 = 0, offset: UInt16 = 0,
    _ number: Int32 = 0
  ) -> UInt64 {
    #if _endian(little)
      let registers = source << 4 | target
      return UInt64(operation) | UInt64(registers) << 8 | UInt64(offset) << 16
        | UInt64(UInt32(bitPattern: number)) << 32
    #else
      let registers = target << 4 | source
      return UInt64(operation) << 56 | UInt64(registers) << 48 | UInt64(offset) << 32
        | UInt64(UInt32(bitPattern: number))
    #endif
  }

  private static func load(_ map: Int32) throws(LineError) -> Int32 {
    let program = [
      // The frame's queue, of `struct xdp_md`.
      instruction(0x61, target: 2, source: 1, offset: 16),
      // The table, by its descriptor.
      instruction(0x18, target: 1, source: 1, map), 0,
      // What becomes of frames of queues without a socket: XDP_PASS.
      instruction(0xb7, target: 3, 2),
      instruction(0x85, 51),  // bpf_redirect_map
      instruction(0x95),
    ]
    let licence = Array("Apache-2.0".utf8) + [0]
    let result = program.withUnsafeBytes { program in
      licence.withUnsafeBytes { licence in
        // Its type, BPF_PROG_TYPE_XDP, how many instructions, and where they and the licence are.
        call(
          Command.load,
          [6, UInt32(program.count / 8)] + halves(program.baseAddress)
            + halves(licence.baseAddress))
      }
    }
    guard result >= 0 else { throw LineError("the kernel takes no XDP program", errno) }
    return result
  }

  private static func attach(
    _ program: Int32, to device: UInt32, named name: String
  ) throws(LineError) -> Int32 {
    // The program, the device, BPF_XDP, and XDP_FLAGS_SKB_MODE: every driver can do that.
    let link = call(Command.attach, [UInt32(bitPattern: program), device, 37, 1 << 1])
    guard link >= 0 else {
      let hint: String? =
        switch errno {
        case EPERM: "it wants CAP_NET_ADMIN"
        case EBUSY, EEXIST:
          "it has one: ip link set dev \(name) xdpgeneric off, or end the program that attached it"
        case EINVAL: "there are no XDP links before Linux 5.9"
        default: nil
        }
      throw LineError("cannot attach an XDP program to \(name)", hint: hint)
    }
    return link
  }
}
