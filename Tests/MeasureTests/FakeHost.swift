import DPAARuntime
import Foundation
import Patterns
import Security
import TestSupport
import Testing

@testable import Measure

/// A host of files in a folder, with answers of one's own in the kernel's place.
struct FakeHost {
  let directory: TemporaryDirectory
  var calls = HostCalls(
    kvm: { KVMSpeed(nanoseconds: 20_000) },
    socketError: { _ in 0 },
    cycleError: { 0 },
    security: { .success("library \($0.rawValue)") },
    patterns: { .success("5.4") },
    firstLine: { _ in "version 1.2" })
  var environment = ["PATH": "/bin", "HOME": "/root"]

  /// A host that has all that is looked for, but for portals of hardware.
  init() throws {
    directory = try TemporaryDirectory()
    try write(
      "proc/self/status", "Name:\tdpaac\nCapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-3\n")
    try write(
      "proc/meminfo",
      "MemTotal:       8388608 kB\nMemAvailable:   4194304 kB\nHugePages_Total:       0\n")
    try write("proc/self/ns/net", "")
    try write("proc/sys/kernel/perf_event_paranoid", "2\n")
    try write("sys/devices/system/cpu/isolated", "2-3\n")
    try write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    for device in ["kvm", "net/tun", "vhost-net", "vfio/vfio"] { try write("dev/\(device)", "") }
    try write("sys/kernel/iommu_groups/0/type", "DMA\n")
    for name in ["vmlinuz", "initramfs"] { try write("root/.cache/dpaac/guest-image/\(name)", "") }
    for core in ["e500mc", "e5500"] {
      try write("root/.cache/dpaac/guest/\(core)-0123/vmlinux", "")
    }
    for name in [
      "qemu-system-x86_64", "qemu-system-aarch64", "qemu-system-ppc", "qemu-system-ppc64",
      "dpdk-testpmd",
    ] {
      try write("bin/\(name)", "")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: "\(directory.path)/bin/\(name)")
    }
  }

  func write(_ path: String, _ text: String) throws {
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    try FileManager.default.createDirectory(
      atPath: "\(directory.path)/\(folder)", withIntermediateDirectories: true)
    try directory.write(path, Data(text.utf8))
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: "\(directory.path)/\(path)")
  }

  /// A device tree of a board with a portal of each kind.
  func addTree(_ others: [String]) throws {
    try write("proc/device-tree/compatible", "fsl,board\0")
    let nodes = ["fsl,qman-portal-1.2\0fsl,qman-portal\0", "fsl,bman-portal\0"] + others
    for (number, compatible) in nodes.enumerated() {
      try write("proc/device-tree/soc/node@\(number)/compatible", compatible)
    }
  }

  var report: HostReport {
    let environment = environment
    return HostReport(
      HostView(root: directory.path, environment: { environment[$0] }, calls: calls))
  }

  func finding(_ name: String) throws -> HostFinding {
    try #require(report.findings.first { $0.name == name }, "nothing is called \(name)")
  }
}
