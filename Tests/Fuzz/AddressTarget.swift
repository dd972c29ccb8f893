@testable import DPAARuntime

/// What a fuzzer does with bytes taken for what stands behind `--port interface=`: read it, and read again
/// what it was written as.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  do throws(PortAddress.Fault) {
    let address = try PortAddress(text)
    guard let again = try? PortAddress("\(address)"), again == address else {
      preconditionFailure("\(address) is not what it is written as")
    }
    switch address {
    case .tap(let device), .packet(let device), .xdp(let device):
      precondition((1...15).contains(device.name.utf8.count), "a name that no device has")
      precondition(!(device.namespace ?? "-").contains("/"), "a namespace out of its directory")
    case .stream(let endpoint, _): check(endpoint)
    case .datagram(let local, let remote):
      check(local)
      check(remote)
      precondition(local != remote, "its own peer")
    case .loop(let interface): precondition(!interface.isEmpty, "a loop to nobody")
    case .capture(let path): precondition(path == text, "another file")
    }
  } catch {
    precondition(!error.reason.isEmpty, "no reason")
  }
  return 0
}

private func check(_ endpoint: PortAddress.Endpoint) {
  switch endpoint {
  case .path(let path): precondition((1...107).contains(path.utf8.count), "no socket's path")
  case .host(let host, let port): precondition(!host.isEmpty && port > 0, "no socket's address")
  }
}
