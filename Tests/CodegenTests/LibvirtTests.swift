import Codegen
import Foundation
import Partitioning
import TestSupport
import Testing

@Suite struct LibvirtTests {
  @Test(.enabled(if: Tool.virtXMLValidate.isPresent, "needs package libvirt-clients"))
  func `libvirt's schema accepts every domain`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for partition in try judgedPartitions() {
      for guest in partition.owners where !guest.isHost {
        let file = try directory.write(
          "guest.xml", Data(artifact("\(guest.name).xml", of: partition)))
        let outcome = try Tool.virtXMLValidate.run([file, "domain"])
        #expect(outcome.status == 0, "\(outcome.errorText)")
      }
    }
  }

  @Test func `a domain has the plan's memory, CPUs and tree`() throws {
    let domain = try text("guest1.xml", of: Sample.t4240)
    for line in [
      #"<memory unit="MiB">576</memory>"#,
      #"<vcpu placement="static" cpuset="4,5">2</vcpu>"#,
      #"<vcpupin vcpu="0" cpuset="4"/>"#,
      #"<vcpupin vcpu="1" cpuset="5"/>"#,
      #"<type arch="ppc64" machine="ppce500">hvm</type>"#,
      #"<model fallback="forbid">e6500</model>"#,
      #"<dtb>/plans/talk/out/guest1.dtb</dtb>"#,
    ] { #expect(domain.contains(line)) }
  }

  @Test func `a 32-bit guest names its CPU past libvirt, which has no driver for it`() throws {
    let domain = try text("guest1.xml", of: Sample.p4080)
    #expect(domain.contains(#"<type arch="ppc" machine="ppce500">hvm</type>"#))
    #expect(domain.contains(#"<qemu:arg value="e500mc"/>"#))
    #expect(!domain.contains("<cpu "))
    #expect(!domain.contains("vcpupin"))
  }

  @Test func `memory is a file that a runtime can map, and what is loaded stands with QEMU`() throws
  {
    let domain = try text("guest1.xml", of: try Example.complete(board: "t4240qds"))
    #expect(domain.contains(#"<source type="file"/>"#))
    #expect(domain.contains(#"<access mode="shared"/>"#))
    #expect(domain.contains(#"addr=0x8000000,force-raw=on"#))
    #expect(domain.contains("<cpu "))
  }

  @Test func `memory that QEMU cannot have is rounded up`() throws {
    #expect(
      try text("bare-metal.xml", of: Sample.lonely).contains(#"<memory unit="MiB">128</memory>"#))
  }
}
