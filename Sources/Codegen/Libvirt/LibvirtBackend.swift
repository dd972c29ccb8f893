import Documents
public import Partitioning
import QorIQ

/// Prints each guest as a libvirt domain on QEMU's `ppce500`: `NAME.xml`.
///
/// The domain boots U-Boot on the guest's tree, which the domain names by its absolute path. Its
/// form is libvirt's `domaincommon.rng`; `virt-xml-validate NAME.xml domain` judges it.
public struct LibvirtBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `libvirt`
  public var name: String { "libvirt" }

  /// A domain for each guest.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for (index, owner) in partition.owners.enumerated() where !owner.isHost {
      let path = "\(owner.name).xml"
      let resources = partition.resources[index]
      let domain = LibvirtDomain(
        owner: owner, partition: partition,
        ramSize: GuestWindow(owner: owner, resources: resources).ramSize,
        tree: "\(options.outputDirectory)/\(owner.name).dtb",
        images: QEMUBackend.images(of: resources, options))
      do throws(XMLWriterError) {
        let text = try XMLWriter().text(
          of: domain.element(), header: " \(options.banner(for: partition)) ")
        artifacts.append(Artifact(path, text: text))
      } catch {
        throw .unprintable(artifact: path, reason: error.description)
      }
    }
    return artifacts
  }
}

/// One guest's domain, an element per function.
struct LibvirtDomain {
  let owner: Owner
  let partition: Partition
  /// Memory as QEMU takes it: the plan's and, behind it, the window of the portals.
  let ramSize: UInt64
  /// The absolute path of the guest's blob.
  let tree: String
  /// QEMU's devices that load the guest's images.
  let images: [String]

  func element() -> XMLElement {
    var children: [XMLNode] = [
      .element("name", text: owner.name),
      .element("description", text: "\(owner.name) of \(partition.name) on \(board.model)"),
      .element("memory", ["unit": "MiB"], text: String(ramSize >> 20)),
      .element("currentMemory", ["unit": "MiB"], text: String(ramSize >> 20)),
      // In a file that others can map: whoever serves the portals works on the guest's memory.
      .element(
        "memoryBacking", [:],
        [.element("source", ["type": "file"]), .element("access", ["mode": "shared"])]),
      .element(
        "vcpu",
        ["placement": "static", "cpuset": owner.cpus.map(\.description).joined(separator: ",")],
        text: String(owner.cpus.count)),
    ]
    if !is32Bit { children += [cpuTuning(), cpu()] }
    children.append(operatingSystem())
    children += [
      .element("on_poweroff", text: "destroy"),
      .element("on_reboot", text: "restart"),
      .element("on_crash", text: "destroy"),
      devices(),
    ]
    // Emulated: under KVM on Power the guest's tree needs a `/hypervisor` node that only QEMU on
    // that machine can fill in (QEMU 7.2, `hw/ppc/e500.c`).
    var domain = XMLElement("domain", ["type": "qemu"], children)
    let arguments = commandLine
    if !arguments.isEmpty {
      domain.attributes.append(
        XMLAttribute("xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0"))
      domain.children.append(
        .element(
          "qemu:commandline", [:], arguments.map { .element("qemu:arg", ["value": $0]) }))
    }
    return domain
  }

  private var board: Board { partition.board }

  private var is32Bit: Bool { PPCE500.is32Bit(board.core) }

  /// Each of the guest's CPUs on one of its own in the plan. QEMU 7.2 emulates all CPUs of a 32-bit
  /// guest in one thread, and libvirt refuses to pin what is not a thread.
  private func cpuTuning() -> XMLNode {
    .element(
      "cputune", [:],
      owner.cpus.enumerated().map { index, cpu in
        .element("vcpupin", ["vcpu": String(index), "cpuset": cpu.description])
      })
  }

  /// The machine and what it boots.
  private func operatingSystem() -> XMLNode {
    .element(
      "os", [:],
      [
        .element(
          "type", ["arch": is32Bit ? "ppc" : "ppc64", "machine": "ppce500"],
          text: "hvm"),
        .element("loader", ["readonly": "yes", "type": "rom"], text: PPCE500.firmware),
        .element("dtb", text: tree),
      ])
  }

  private func cpu() -> XMLNode {
    .element(
      "cpu", ["mode": "custom", "match": "exact", "check": "none"],
      [.element("model", ["fallback": "forbid"], text: board.core)])
  }

  /// What libvirt has no element for: what is loaded; and of a 32-bit guest its CPU, as libvirt 9.0
  /// has no CPU driver for 32-bit Power and refuses to start a domain with a `cpu` element there
  /// ("'ppc' architecture is not supported by CPU driver").
  private var commandLine: [String] {
    (is32Bit ? ["-cpu", board.core] : []) + images.flatMap { ["-device", $0] }
  }

  /// The console, and nothing that libvirt would add by itself: the tree has no PCI bus.
  private func devices() -> XMLNode {
    .element(
      "devices", [:],
      [
        .element("serial", ["type": "pty"], [.element("target", ["port": "0"])]),
        .element(
          "console", ["type": "pty"], [.element("target", ["type": "serial", "port": "0"])]),
        .element("controller", ["type": "usb", "model": "none"]),
        .element("memballoon", ["model": "none"]),
      ])
  }
}
