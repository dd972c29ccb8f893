import DPAARuntime

extension HostCheck {
  /// What virtual machines need.
  static let machines = [
    HostCheck("kvm", for: "guests of the kind vm, at the processor's speed") { view in
      guard view.exists("/dev/kvm") else {
        return .no(
          "there is no /dev/kvm; machines run in QEMU's translator",
          "load kvm_intel or kvm_amd; in a virtual machine, have nested virtualization allowed")
      }
      if let problem = view.problem(with: "/dev/kvm") {
        return .no(
          "/dev/kvm: \(problem); machines run in QEMU's translator",
          "join the group of /dev/kvm")
      }
      let speed = view.calls.kvm()
      return speed.isUsable
        ? .yes("\(speed)")
        : .no(
          "\(speed); machines run in QEMU's translator",
          "nothing can be done in here: use a host whose KVM is the processor's")
    },
    HostCheck("qemu", for: "guests of the kind vm") { view in
      guard let path = view.program(HostMachine.emulatorName) else {
        return .no(
          "no \(HostMachine.emulatorName) on PATH", "apt-get install qemu-system-x86 (or -arm)")
      }
      return .yes("\(path): \(view.version(path) ?? "does not say its version")")
    },
    HostCheck("guest-image", for: "what guests of the kind vm boot") { view in
      let directory = "\(view.cache)/guest-image"
      return GuestImage(in: view.root + directory) != nil
        ? .yes("vmlinuz and initramfs in \(directory)")
        : .no("no vmlinuz or no initramfs in \(directory)", "scripts/guest-image makes them")
    },
    HostCheck("qemu-ppc", for: "guests with stock DPAA drivers") { view in
      let names = ["qemu-system-ppc", "qemu-system-ppc64"]
      let paths = names.compactMap { view.program($0) }
      guard let path = paths.first else {
        return .no(
          "no \(names.joined(separator: ", no ")) on PATH", "apt-get install qemu-system-ppc")
      }
      return .yes(
        "\(paths.joined(separator: ", ")): \(view.version(path) ?? "does not say its version")")
    },
    HostCheck("guest-kernels", for: "guests with stock DPAA drivers") { view in
      let directory = "\(view.cache)/guest"
      let found = ["e500mc", "e5500"].filter { core in
        (view.names(in: directory) ?? []).contains {
          $0.hasPrefix("\(core)-") && view.exists("\(directory)/\($0)/vmlinux")
        }
      }
      let advice = "scripts/guest-kernel e500mc and e5500 build them, which takes some minutes once"
      if found.count == 2 { return .yes("for e500mc and e5500 in \(directory)") }
      return found.isEmpty
        ? .no("none in \(directory)", advice)
        : .partly("for \(found[0]) only in \(directory)", advice)
    },
  ]
}
