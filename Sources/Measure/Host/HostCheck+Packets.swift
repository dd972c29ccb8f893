import Glibc

extension HostCheck {
  private static let root = "run as root, or give the program the right (setcap)"

  /// What ports and their contestants need.
  static let packets = [
    HostCheck("tap", for: "--port tap:, measurements against a bridge") { view in
      if let problem = view.problem(with: "/dev/net/tun") {
        return .no("/dev/net/tun: \(problem)", "modprobe tun; in a container, hand it in")
      }
      return view.has(.netAdmin)
        ? .yes("/dev/net/tun opens, and devices may be made (CAP_NET_ADMIN)")
        : .partly(
          "/dev/net/tun opens, but only devices that an administrator made for this user can be used",
          root + ": CAP_NET_ADMIN")
    },
    HostCheck("namespaces", for: "devices of one's own in measurements and tests") { view in
      guard view.exists("/proc/self/ns/net") else {
        return .no("the kernel has no network namespaces", "use a kernel with CONFIG_NET_NS")
      }
      return view.has(.sysAdmin)
        ? .yes("may be made (CAP_SYS_ADMIN)")
        : .no("none may be made", root + ": CAP_SYS_ADMIN")
    },
    HostCheck("packet", for: "--port packet:") { view in
      socket(view, AF_PACKET, "AF_PACKET", "CAP_NET_RAW")
    },
    HostCheck("xdp", for: "--port xdp:") { view in
      // AF_XDP is 44 (Linux 6.1, `include/linux/socket.h`).
      let judgement = socket(view, 44, "AF_XDP", "CAP_NET_RAW")
      guard judgement.verdict == .yes else { return judgement }
      // Loading its program and its map (Linux 6.1, `kernel/bpf/syscall.c`, `bpf_prog_load`).
      let mayLoad = view.has(.sysAdmin) || view.has(.bpf) && view.has(.netAdmin)
      return mayLoad
        ? .yes("AF_XDP sockets open, and programs may be loaded")
        : .no(
          "AF_XDP sockets open, but its program may not be loaded",
          root + ": CAP_BPF and CAP_NET_ADMIN")
    },
    HostCheck("vhost-net", for: "measurements against the kernel's vhost") { view in
      guard let problem = view.problem(with: "/dev/vhost-net") else {
        return .yes("/dev/vhost-net opens")
      }
      return .no(
        "/dev/vhost-net: \(problem)", "modprobe vhost_net; DPDK's vhost-user takes its place")
    },
    HostCheck("vhost-user", for: "measurements against DPDK's vhost") { view in
      guard let path = view.program("dpdk-testpmd") else {
        return .no("no dpdk-testpmd on PATH", "apt-get install dpdk-dev")
      }
      return .yes(path)
    },
  ]

  private static func socket(
    _ view: HostView, _ family: Int32, _ name: String, _ right: String
  ) -> Judgement {
    switch view.calls.socketError(family) {
    case 0: .yes("\(name) sockets open")
    case EPERM, EACCES: .no("\(name) sockets are not allowed", "\(root): \(right)")
    case let error:
      .no(
        "the kernel opens no \(name) socket: \(String(cString: strerror(error)))",
        "use a kernel that is configured for it")
    }
  }
}
