import Glibc

extension HostCheck {
  /// Processors, memory and counters.
  static let processors = [
    HostCheck("cpus", for: "engine and guests side by side") { view in
      let list = view.field("Cpus_allowed_list", of: "/proc/self/status") ?? ""
      let cpus = HostView.numbers(in: list)
      guard cpus.count != 1 else {
        return .partly(
          "1 processor may be used, \(list): engine and guests share it and yield to each other",
          "give this process a second processor")
      }
      guard !cpus.isEmpty else {
        return .no("the kernel does not tell which processors may be used", "mount /proc")
      }
      return .yes("\(cpus.count) processors may be used, \(list)")
    },
    HostCheck("isolated-cpus", for: "figures that nobody disturbs") { view in
      let allowed = HostView.numbers(
        in: view.field("Cpus_allowed_list", of: "/proc/self/status") ?? "")
      let isolated = HostView.numbers(in: view.text("/sys/devices/system/cpu/isolated") ?? "")
      let threads = siblings(of: allowed, view)
      let shared =
        threads.isEmpty ? "" : "; processors \(threads) are threads of one core and slow each other"
      guard !isolated.isEmpty else {
        return .partly(
          "pinning works, but the kernel schedules others on every processor" + shared,
          "boot with isolcpus= for the processors that engine and guests are pinned to")
      }
      return .yes("kept free of others: \(listed(isolated))" + shared)
    },
    HostCheck("memory", for: "pools, queues, machines") { view in
      func kilobytes(_ name: String) -> UInt64? {
        view.field(name, of: "/proc/meminfo")?.split(separator: " ").first.flatMap { UInt64($0) }
      }
      guard let free = kilobytes("MemAvailable"), let all = kilobytes("MemTotal") else {
        return .no("the kernel does not tell how much memory there is", "mount /proc")
      }
      let seen = "\(free >> 10) MiB of \(all >> 10) MiB are available"
      // The example's pools take 32 MiB, a virtual machine what its plan says: 512 MiB there.
      return free >= 2 << 20
        ? .yes(seen)
        : .partly(seen, "virtual machines take what their plan says; 2 GiB are enough for two")
    },
    HostCheck("huge-pages", for: "tables of many queues") { view in
      let choice = view.text("/sys/kernel/mm/transparent_hugepage/enabled") ?? ""
      let reserved = view.field("HugePages_Total", of: "/proc/meminfo") ?? "0"
      let seen =
        "transparent huge pages: \(choice.isEmpty ? "none" : choice); reserved: \(reserved)"
      return choice.contains("[always]") || choice.contains("[madvise]")
        ? .yes(seen)
        : .no(
          seen,
          "write madvise to /sys/kernel/mm/transparent_hugepage/enabled; without, 16 million queues "
            + "are slower")
    },
    HostCheck("cycles", for: "cycles per frame in measurements") { view in
      let error = view.calls.cycleError()
      guard error != 0 else { return .yes("the kernel counts this processor's cycles") }
      let level = view.text("/proc/sys/kernel/perf_event_paranoid") ?? "unknown"
      if error == EACCES || error == EPERM {
        return .no(
          "counting is not allowed (perf_event_paranoid is \(level)); processor time is taken instead",
          "sysctl kernel.perf_event_paranoid=1, or run as root")
      }
      return .no(
        "no counter of cycles (\(String(cString: strerror(error)))), as in most virtual machines; "
          + "processor time is taken instead",
        "give the virtual machine a performance monitoring unit")
    },
  ]

  /// The first processors of those allowed that are threads of one core, as text; empty when there are none.
  private static func siblings(of allowed: [Int], _ view: HostView) -> String {
    for cpu in allowed.prefix(1024) {
      let path = "/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list"
      let threads = HostView.numbers(in: view.text(path) ?? "").filter(allowed.contains)
      if threads.count > 1 { return listed(threads) }
    }
    return ""
  }

  private static func listed(_ numbers: [Int]) -> String {
    numbers.map(String.init).joined(separator: ", ")
  }
}
