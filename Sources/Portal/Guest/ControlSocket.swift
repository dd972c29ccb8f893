import CPortalShims
import Glibc

/// Messages with descriptors over a Unix socket (`SCM_RIGHTS`).
public enum ControlSocket {
  /// The most descriptors of one message; the kernel's own limit is 253.
  public static let maximumDescriptors = 200

  /// Sends a message with descriptors; `false` when the peer is gone or the message is refused.
  public static func send(_ message: [UInt8], descriptors: [Int32], over socket: Int32) -> Bool {
    precondition(descriptors.count <= maximumDescriptors, "too many descriptors for one message")
    return withHeader(descriptorCount: descriptors.count) { control in
      control.storeBytes(of: 16 + 4 * descriptors.count, as: Int.self)
      control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
      control.storeBytes(of: Int32(SCM_RIGHTS), toByteOffset: 12, as: Int32.self)
      for (index, descriptor) in descriptors.enumerated() {
        control.storeBytes(of: descriptor, toByteOffset: 16 + 4 * index, as: Int32.self)
      }
      var message = message
      return message.withUnsafeMutableBytes { bytes in
        var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &vector) { vector in
          var header = msghdr()
          header.msg_iov = vector
          header.msg_iovlen = 1
          if !descriptors.isEmpty {
            header.msg_control = control.baseAddress
            header.msg_controllen = control.count
          }
          return sendmsg(socket, &header, Int32(MSG_NOSIGNAL)) == bytes.count
        }
      }
    }
  }

  /// Whether a descriptor is a socket.
  static func isSocket(_ descriptor: Int32) -> Bool {
    var information = stat()
    return fstat(descriptor, &information) == 0 && information.st_mode & S_IFMT == S_IFSOCK
  }

  /// Receives a message into `message`: how many bytes it had and which descriptors came along;
  /// `nil` when the descriptor is no socket or the peer closed it.
  static func receive(
    from socket: Int32, into message: inout [UInt8]
  ) -> (count: Int, descriptors: [Int32])? {
    withHeader(descriptorCount: maximumDescriptors) { control in
      message.withUnsafeMutableBytes { bytes in
        var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &vector) { vector in
          var header = msghdr()
          header.msg_iov = vector
          header.msg_iovlen = 1
          header.msg_control = control.baseAddress
          header.msg_controllen = control.count
          let count = recvmsg(socket, &header, Int32(MSG_CMSG_CLOEXEC))
          guard count > 0 else { return nil }
          var descriptors: [Int32] = []
          if header.msg_controllen >= 16 {
            let length = control.load(as: Int.self)
            for index in 0..<max(0, (min(length, header.msg_controllen) - 16) / 4) {
              descriptors.append(control.load(fromByteOffset: 16 + 4 * index, as: Int32.self))
            }
          }
          return (count, descriptors)
        }
      }
    }
  }

  /// Lends an aligned control buffer (`CMSG_SPACE` of that many descriptors).
  private static func withHeader<Result>(
    descriptorCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Result
  ) -> Result {
    let space = 16 + (4 * descriptorCount + 7) / 8 * 8
    return withUnsafeTemporaryAllocation(byteCount: space, alignment: 16) { buffer in
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      return body(buffer)
    }
  }
}
