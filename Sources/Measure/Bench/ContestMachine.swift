import DPAAPortal
import DPAARuntime
import Glibc

/// A virtual machine with a virtio interface that is told what to do by a page that it shares.
final class ContestMachine {
  let page: TrafficPage
  private let qemu: ContestProcess
  private let region: SharedRegion

  /// Starts a machine.
  ///
  /// - Parameters:
  ///   - number: Its place, which its address has.
  ///   - options: What it boots, and under what.
  ///   - network: QEMU's arguments for the netdev `n`.
  ///   - interface: What else is said of the interface.
  ///   - descriptors: What QEMU gets, by place there, beside 1 to 3.
  /// - Throws: ``BenchError`` when it cannot be started.
  init(
    _ number: Int, _ options: BenchOptions, network: [String], interface: String = "",
    descriptors: [Int32: Int32] = [:]
  ) throws(BenchError) {
    guard let image = options.image, let emulator = HostMachine.emulator else {
      throw BenchError("no QEMU, or nothing that its machines boot")
    }
    do throws(EngineError) {
      region = try SharedRegion(name: "contest", size: 1 << 20)
    } catch {
      throw BenchError("\(error)")
    }
    page = TrafficPage(memory: region.memory)
    let station = String(Station.guest(number), radix: 16)
    let command =
      [emulator]
      + HostMachine.machineArguments(options.accelerator == "kvm" ? .kvm : .tcg)
      + [
        "-smp", "1", "-m", "256M", "-nodefaults", "-display", "none", "-no-reboot", "-serial",
        "stdio", "-kernel", image.kernel, "-initrd", image.contest,
        "-append", "console=ttyS0 quiet panic=-1 no_timer_check",
        "-object", "memory-backend-file,id=page,share=on,mem-path=/dev/fd/3,size=1M",
        "-device", "ivshmem-plain,memdev=page",
      ] + network
      + ["-device", "virtio-net-pci,netdev=n,romfile=\(interface),mac=02:00:00:00:00:\(station)"]
    qemu = try ContestProcess(
      command, descriptors.merging([3: region.descriptor]) { $1 })
  }

  /// QEMU's process.
  var process: pid_t { qemu.identifier }

  /// Waits until it takes orders.
  func awaitBoot() throws(BenchError) {
    let turn = TrafficOrder(.take, sleeps: true).give(in: page.memory)
    for _ in 0..<6000 {
      if page.memory.counter(TrafficOrder.Word.taken) == turn { return }
      guard qemu.isAlive else { break }
      usleep(10_000)
    }
    throw BenchError(
      "a machine with a virtio interface does not boot; it said last: \(qemu.lastWords)")
  }

  /// Gives an order and waits until it is taken up.
  func give(_ order: TrafficOrder) throws(BenchError) {
    try page.give(order) { milliseconds in
      usleep(UInt32(milliseconds * 1000))
      return qemu.isAlive
    }
  }
}
