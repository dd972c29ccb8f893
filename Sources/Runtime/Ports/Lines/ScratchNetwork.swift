import CPortalShims
import Glibc

/// A network namespace of the calling thread's own, with devices to measure on: they go when the last one does
/// who is in it or has one of them open.
public enum ScratchNetwork {
  /// Runs something in a new namespace, and brings the thread back.
  public static func run<Result>(_ body: () throws -> Result) throws -> Result {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0 else { throw LineError("/proc/thread-self/ns/net") }
    defer { close(home) }
    guard unshare(CLONE_NEWNET) == 0 else { throw LineError("no network namespace") }
    defer {
      // To go on in the other one would open the wrong devices.
      guard setns(home, CLONE_NEWNET) == 0 else {
        preconditionFailure("the thread cannot return to its network namespace")
      }
    }
    // Nothing is to speak unasked.
    for which in ["all", "default"] {
      let file = open("/proc/sys/net/ipv6/conf/\(which)/disable_ipv6", O_WRONLY | O_CLOEXEC)
      if file >= 0 {
        _ = write(file, "1", 1)
        close(file)
      }
    }
    return try body()
  }

  /// Opens TAP devices, which are up and do not block, and joins them by a bridge.
  ///
  /// - Parameters:
  ///   - names: Their names, and whether frames have virtio's header in front, as QEMU wants them.
  ///   - name: The bridge's.
  /// - Returns: Their descriptors, which the caller closes.
  /// - Throws: ``LineError`` when one cannot be made.
  public static func bridge(
    _ names: [(name: String, hasHeader: Bool)], by name: String = "bridge"
  ) throws(LineError) -> [Int32] {
    var taps: [Int32] = []
    do throws(LineError) {
      for (name, hasHeader) in names {
        taps.append(try NetworkDevice.openTAP(name, hasHeader: hasHeader))
        try NetworkDevice.bringUp(name)
      }
      try NetworkDevice.bridge(name, names.map(\.name))
    } catch {
      for tap in taps { close(tap) }
      throw error
    }
    return taps
  }
}
