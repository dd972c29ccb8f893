import Codegen
import DeviceTree
import Diagnostics
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Guests' parts of trees that QEMU writes.
@Suite(
  .enabled(if: Tool.qemuPPC.isPresent && Tool.qemuPPC64.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: Tool.uBoot.isPresent, "needs package u-boot-qemu"),
  .enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
struct FragmentTests {
  @Test func `fdtoverlay lays every part over QEMU's own tree, and it is our merged tree`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for partition in try Example.names.map(Example.partition) + [Example.complete()] {
      for owner in partition.owners where !owner.isHost {
        let base = "\(directory.path)/base.dtb"
        try dumpQEMUTree(of: owner, partition, to: base)
        let artifacts = try generate(partition, owner.name, base)
        let overlay = try directory.write("part.dtbo", Data(bytes("\(owner.name).dtbo", artifacts)))
        let merged = "\(directory.path)/merged.dtb"
        let outcome = try Tool("fdtoverlay", package: "device-tree-compiler").run([
          "-i", base, "-o", merged, overlay,
        ])
        #expect(outcome.status == 0, "\(outcome.errorText)")
        var bag = DiagnosticBag()
        let theirs = try #require(TreeLoader().load(merged, into: &bag))
        let ours = try #require(
          BlobReader().read(
            try bytes("merged/\(owner.name).dtb", artifacts), name: "ours", into: &bag))
        let difference = TreeDifference(from: theirs, to: ours)
        #expect(difference.isEmpty, "\(difference.changes)")

        let old = try Tool.dtc.run(["-I", "dtb", "-O", "dts", base])
        let new = try Tool.dtc.run(["-I", "dtb", "-O", "dts", merged])
        let known = Set(old.errorText.split(separator: "\n"))
        let added = new.errorText.split(separator: "\n").filter { !known.contains($0) }
        #expect(added.isEmpty, "\(added)")
      }
    }
  }

  @Test func `a merged tree has all of the guest's own tree that is not the machine's`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let partition = try Example.complete()
    for owner in partition.owners where !owner.isHost {
      let base = "\(directory.path)/base.dtb"
      try dumpQEMUTree(of: owner, partition, to: base)
      let artifacts = try generate(partition, owner.name, base)
      var bag = DiagnosticBag()
      let own = try #require(
        BlobReader().read(try bytes("\(owner.name).dtb", artifacts), name: "own", into: &bag))
      let merged = try #require(
        BlobReader().read(
          try bytes("merged/\(owner.name).dtb", artifacts), name: "merged", into: &bag))
      let lacking = TreeDifference(from: own, to: merged).changes.filter { change in
        switch change {
        case .nodeAdded, .propertyAdded: false
        // The machine says these in its own way.
        case .nodeRemoved(let path, _):
          !path.hasPrefix("/cpus/") && !["/memory@0", "/soc@fe0000000"].contains(path)
        case .propertyRemoved(let path, let property):
          property.name != "interrupt-parent" && path != "/aliases"
            && !path.hasPrefix("/soc@fe0000000")
        case .propertyChanged(let path, _, _, _):
          !path.hasPrefix("/soc@fe0000000")
        default: true
        }
      }
      #expect(lacking.isEmpty, "\(lacking)")
    }
  }

  @Test(.enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
  func `dtc compiles every part to our bytes without a warning`() throws {
    for partition in try judgedPartitions() {
      let artifacts = try FragmentBackend().artifacts(for: partition, options: .sample)
      for source in artifacts where source.path.hasSuffix(".dtso") {
        let outcome = try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-"], input: source.bytes)
        #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
        let blob = artifacts.first { $0.path == source.path.dropLast(2) + "bo" }
        #expect(blob?.bytes == Array(outcome.output))
      }
    }
  }

  @Test(arguments: [
    (["-smp", "1"], "-smp 2"), (["-m", "256M"], "-m 512"), (["-cpu", "e500v2"], "-cpu e500mc"),
    (["-serial", "none"], "no serial port"),
  ])
  func `a base that QEMU made with other options is refused, and what it needs is named`(
    options: [String], message: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let partition = try Example.partition("kvm-forum/p4080ds")
    let owner = try #require(partition.owners.first { $0.name == "guest1" })
    let base = "\(directory.path)/base.dtb"
    try dumpQEMUTree(of: owner, partition, to: base, options)
    do {
      _ = try generate(partition, owner.name, base)
      Issue.record("the base is taken")
    } catch let error as GenerationError {
      #expect("\(error)".contains(message), "\(error)")
    }
  }

  @Test func `what QEMU says of KVM's calls stays in a merged tree`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let partition = try Example.partition("kvm-forum/p4080ds")
    let owner = try #require(partition.owners.first { $0.name == "guest1" })
    let plain = "\(directory.path)/plain.dtb"
    try dumpQEMUTree(of: owner, partition, to: plain)
    var bag = DiagnosticBag()
    var base = try #require(TreeLoader().load(plain, into: &bag))
    // As QEMU 7.2 adds it under KVM (`hw/ppc/e500.c`); this machine's KVM cannot run a Power guest.
    base.root.add("hypervisor") {
      $0.set("compatible", "linux,kvm")
      $0.set(
        "hcall-instructions", .cells([0x4400_0022, 0x6000_0000, 0x6000_0000, 0x6000_0000]))
      $0.set("has-idle")
    }
    let kvm = try directory.write(
      "kvm.dtb", Data(try #require(BlobWriter().write(base, into: &bag))))
    let merged = try ["plain": plain, "kvm": kvm].mapValues { path in
      let artifacts = try generate(partition, "guest1", path)
      return try #require(
        BlobReader().read(
          try bytes("merged/guest1.dtb", artifacts), name: "merged", into: &bag))
    }
    let changes = TreeDifference(
      from: try #require(merged["plain"]), to: try #require(merged["kvm"])
    ).changes
    #expect(changes.count == 1)
    guard case .nodeAdded("/hypervisor", let node) = changes.first else {
      Issue.record("\(changes)")
      return
    }
    #expect(node["hcall-instructions"]?.cells?.first == 0x4400_0022)
    #expect(node.properties.map(\.name) == ["compatible", "hcall-instructions", "has-idle"])
  }

  // MARK: helpers

  private func generate(
    _ partition: Partition, _ guest: String, _ base: String
  ) throws -> [Artifact] {
    var bag = DiagnosticBag()
    var options = GenerationOptions.sample
    options.baseTrees = [guest: try #require(TreeLoader().load(base, into: &bag))]
    return try Generator(only: ["tree", "fragment"]).artifacts(for: partition, options: options)
  }

  private func bytes(_ path: String, _ artifacts: [Artifact]) throws -> [UInt8] {
    try #require(artifacts.first { $0.path == path }).bytes
  }
}
