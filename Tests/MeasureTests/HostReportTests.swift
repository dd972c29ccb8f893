import DPAARuntime
import Diagnostics
import Foundation
import Glibc
import Patterns
import Security
import TestSupport
import Testing

@testable import Measure

/// What `dpaac doctor` finds on hosts that lack one thing or another.
@Suite struct HostReportTests {
  @Test func `a host that has everything but portals of hardware is told so`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    let report = host.report
    #expect(report.findings.filter { $0.verdict != .yes }.map(\.name) == ["dpaa", "handover"])
    #expect(report.missing(["kvm", "tap", "sec"]) == [])
    #expect(report.missing(["kvm", "dpaa"]).map(\.name) == ["dpaa"])
    #expect(Set(report.findings.map(\.name)).count == HostCheck.all.count)
    #expect(report.text.contains("\n  dpaa: needs a QorIQ processor"))
    #expect(report.json.text.contains("\"name\": \"kvm\",\n      \"verdict\": \"yes\""))
  }

  @Test(arguments: [
    ("dev/kvm", "kvm"), ("dev/net/tun", "tap"), ("dev/vhost-net", "vhost-net"),
    ("bin/dpdk-testpmd", "vhost-user"), ("root/.cache/dpaac/guest-image/vmlinuz", "guest-image"),
    ("root/.cache/dpaac/guest-image/initramfs", "guest-image"), ("proc/self/ns/net", "namespaces"),
    ("sys/kernel/mm/transparent_hugepage/enabled", "huge-pages"), ("proc/meminfo", "memory"),
    ("sys/kernel/iommu_groups", "vfio"), ("dev/vfio/vfio", "vfio"),
  ])
  func `what is taken away is missing, with advice`(path: String, name: String) throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    #expect(try host.finding(name).verdict == .yes)
    try host.remove(path)
    let finding = try host.finding(name)
    #expect(finding.verdict == .no)
    #expect(finding.advice?.isEmpty == false)
  }

  @Test func `KVM that is software is measured and named`() throws {
    var host = try FakeHost()
    defer { host.directory.remove() }
    host.calls.kvm = { KVMSpeed(nanoseconds: 30_000_000) }
    let finding = try host.finding("kvm")
    #expect(finding.verdict == .no)
    #expect(
      finding.reason
        == "/dev/kvm is software here: it takes 3000 ns for each round of a loop of two "
        + "instructions; machines run in QEMU's translator")
  }

  @Test func `without rights what needs them is missing, and a TAP device of one's own is left`()
    throws
  {
    var host = try FakeHost()
    defer { host.directory.remove() }
    try host.write(
      "proc/self/status", "CapEff:\t0000000000000000\nCpus_allowed_list:\t1\n")
    host.calls.socketError = { _ in EPERM }
    host.calls.cycleError = { EACCES }
    for (name, verdict) in [
      ("tap", HostFinding.Verdict.partly), ("namespaces", .no), ("packet", .no), ("xdp", .no),
      ("cycles", .no), ("cpus", .partly),
    ] {
      #expect(try host.finding(name).verdict == verdict, "\(name)")
    }
    #expect(try host.finding("cycles").reason.contains("perf_event_paranoid is 2"))
    // A socket alone loads no program.
    host.calls.socketError = { _ in 0 }
    #expect(try host.finding("packet").verdict == .yes)
    #expect(try host.finding("xdp").verdict == .no)
  }

  @Test func `threads of one core are named`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    try host.write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n")
    #expect(
      try host.finding("isolated-cpus").reason
        == "kept free of others: 2, 3; processors 0, 2 are threads of one core and slow each other")
  }

  @Test func `one library of SEC's is enough, none is not`() throws {
    var host = try FakeHost()
    defer { host.directory.remove() }
    let missing = SecurityLibraryMissing(reason: "needs package libipsec-mb-dev: it is not there")
    host.calls.security = { $0 == .ipsecMB ? .failure(missing) : .success("OpenSSL 3.0") }
    #expect(try host.finding("sec").verdict == .yes)
    #expect(try host.finding("sec").reason == "OpenSSL 3.0; \(missing.reason)")
    host.calls.security = { _ in .failure(missing) }
    host.calls.patterns = { .failure(.noLibrary("needs package libhyperscan-dev")) }
    #expect(try host.finding("sec").verdict == .no)
    #expect(try host.finding("pme").verdict == .no)
  }

  @Test func `kernels for one core only are half of what is needed`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    try host.remove("root/.cache/dpaac/guest/e5500-0123")
    #expect(try host.finding("guest-kernels").verdict == .partly)
    #expect(try host.finding("guest-kernels").reason.hasPrefix("for e500mc only"))
  }

  @Test func `a QorIQ host with PAMU has portals, which VFIO hands to nobody`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    try host.addTree(["fsl,pamu-v1.0\0fsl,pamu\0"])
    #expect(
      try host.finding("dpaa").reason == "1 portals of QMan, 1 of BMan; IOMMU: PAMU")
    let finding = try host.finding("handover")
    #expect(finding.verdict == .no)
    #expect(finding.reason.contains("maps nothing"))
  }

  @Test func `a QorIQ host with an SMMU is partly there, once vfio-platform is`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    try host.addTree(["arm,mmu-500\0"])
    #expect(try host.finding("handover").verdict == .no)
    try host.write("sys/bus/platform/drivers/vfio-platform/bind", "")
    #expect(try host.finding("handover").verdict == .partly)
    // Nobody guards what its portals do.
    try host.remove("sys/kernel/iommu_groups")
    #expect(try host.finding("handover").verdict == .no)
  }

  @Test func `a device tree that never ends is not followed`() throws {
    let host = try FakeHost()
    defer { host.directory.remove() }
    try host.addTree([])
    symlink("..", "\(host.directory.path)/proc/device-tree/soc/again")
    let deep = (0..<40).map { "n\($0)" }.joined(separator: "/")
    try host.write("proc/device-tree/\(deep)/compatible", "fsl,qman-portal\0")
    #expect(try host.finding("dpaa").reason.hasPrefix("1 portals of QMan"))
  }

  @Test(arguments: [
    ("0-3,8", [0, 1, 2, 3, 8]), ("", []), ("5", [5]), ("3-1", []), ("0-99999999", []),
    ("a-b,7", [7]),
  ])
  func `lists of processors are read, and odd ones passed over`(list: String, numbers: [Int]) {
    #expect(HostView.numbers(in: list) == numbers)
  }

  @Test func `this host's own report has a verdict for everything`() {
    let report = HostReport()
    #expect(report.findings.map(\.name) == HostCheck.all.map(\.name))
    #expect(report.findings.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains("\n") })
    #expect(report.findings.allSatisfy { ($0.verdict == .yes) == ($0.advice == nil) })
  }

  @Test func `a program's first line comes whole, whatever its name and output`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let script = try directory.write(
      "it's $(one)", Data("#!/bin/sh\necho \"v $1\"\necho more\n".utf8))
    chmod(script, 0o755)
    #expect(HostCalls.real.firstLine([script, "--version"]) == "v --version")
    #expect(HostCalls.real.firstLine(["\(directory.path)/none"]) == nil)
  }
}
