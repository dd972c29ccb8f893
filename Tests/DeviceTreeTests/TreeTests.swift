import DeviceTree
import Diagnostics
import Testing

@Suite struct TreeTests {
  @Test func `nodes are found by path, base name and alias`() {
    var tree = sampleTree()
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    #expect(bag.isEmpty)
    #expect(tree["/cpus/cpu@1"]?["reg"]?.cell == 1)
    #expect(tree["/cpus/cpu"]?.name == "cpu@0")
    #expect(tree["serial0"]?.name == "serial@11c500")
    #expect(tree["/nowhere"] == nil)
    #expect(tree["/"]?.compatible == ["fsl,P4080DS", "fsl,p4080"])
  }

  @Test func `setting a property keeps its place, assigning nil removes it`() {
    var node = Node("n") {
      $0.set("a", 1)
      $0.set("b", "x")
    }
    node.set("a", "y")
    #expect(node.properties.map(\.name) == ["a", "b"])
    #expect(node["a"]?.string == "y")
    node["a"] = nil
    #expect(node.properties.map(\.name) == ["b"])
  }

  @Test func `a node is changed and removed in place`() {
    var tree = sampleTree()
    let name = tree.update("/soc/serial") { node in
      node.set("status", "disabled")
      return node.name
    }
    #expect(name == "serial@11c500")
    #expect(tree["/soc/serial"]?.isEnabled == false)
    let removals = [tree.remove("/soc/serial@11c500"), tree.remove("/soc/serial@11c500")]
    #expect(removals == [true, false])
    #expect(tree["/soc/serial"] == nil)
  }

  @Test func `values are read back as what they were built from`() {
    #expect(PropertyValue.strings(["a", "", "b"]).strings == ["a", "", "b"])
    #expect(PropertyValue.string("a").cells == nil)
    #expect(PropertyValue.cells([1, 0xFFFF_FFFF] as [Cell]).cells == [1, 0xFFFF_FFFF])
    #expect(PropertyValue.u64(0x1_0000_0002).number == 0x1_0000_0002)
    #expect(PropertyValue.integers([1, 2], width: .bits64).numbers == [1, 2])
    #expect(PropertyValue.bytes([1, 2]).string == nil)
    #expect(PropertyValue.empty.isEmpty)
    #expect(!PropertyValue.path("x").isEmpty)
  }

  @Test func `references become phandles in the order of first use`() {
    var tree = Tree { root in
      root.add("taken") { $0.set("phandle", 1) }
      root.add("user") {
        $0.set("x", .cells([.reference("late"), 7, .reference("/taken"), .reference("early")]))
      }
      root.add("a", labels: ["early"])
      root.add("b", labels: ["late"])
    }
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    #expect(tree["/user"]?["x"]?.cells == [2, 7, 1, 3])
    #expect(tree["/b"]?.phandle == 2)
    let once = tree
    tree.resolveReferences(into: &bag)
    #expect(tree == once)
    #expect(bag.isEmpty)
  }

  @Test func `paths are inserted and what follows moves`() {
    var tree = Tree { root in
      root.set("p", .path("n") + .string("tail") + .path("/m/k") + .cells([.reference("n")]))
      root.add("n", labels: ["n"])
      root.add("m") { $0.add("k") }
    }
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    let expected = Array("/n\0tail\0/m/k\0".utf8) + [0, 0, 0, 1]
    #expect(tree.root["p"]?.bytes == expected)
    let once = tree
    tree.resolveReferences(into: &bag)
    #expect(tree == once)
  }

  @Test func `an undefined reference is an error, except in an overlay`() {
    var tree = Tree { $0.set("x", .reference("nobody")) }
    var bag = DiagnosticBag()
    #expect(BlobWriter().write(tree, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["undefined-reference"])
    tree.isPlugin = true
    var overlay = DiagnosticBag()
    tree.resolveReferences(into: &overlay)
    #expect(overlay.isEmpty)
    #expect(tree.root["x"]?.cells == [.max])
  }

  @Test func `a node to omit stays only when something refers to it`() {
    var tree = Tree { root in
      root.add("kept", labels: ["kept"]) { $0.isOmittedWithoutReference = true }
      root.add("gone", labels: ["gone"]) { $0.isOmittedWithoutReference = true }
      root.set("x", .reference("kept"))
    }
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    #expect(tree.root.children.map(\.name) == ["kept"])
  }

  @Test func `merging replaces in place and appends what is new`() {
    var node = Node("n") {
      $0.set("a", 1)
      $0.set("b", 2)
      $0.add("c") { $0.set("x", 1) }
    }
    node.merge(
      Node("other", labels: ["l"]) {
        $0.set("a", 3)
        $0.set("z", 4)
        $0.add("c") { $0.set("y", 2) }
        $0.add("d")
      })
    #expect(node.labels == ["l"])
    #expect(node.properties.map(\.name) == ["a", "b", "z"])
    #expect(node["a"]?.cell == 3)
    #expect(node.child("c")?.properties.map(\.name) == ["x", "y"])
    #expect(node.children.map(\.name) == ["c", "d"])
  }
}

@Suite struct TreeIndexTests {
  @Test func `reg is decoded by the parent's cells and translated by ranges`() throws {
    let index = TreeIndex(sampleTree())
    let pic = try #require(index.node(labelled: "mpic"))
    #expect(pic.path == "/soc@ffe000000/pic@40000")
    #expect(index.registers(of: pic) == [AddressRange(address: 0x40000, size: 0x40000)])
    #expect(
      index.physicalRegisters(of: pic) == [AddressRange(address: 0xF_FE04_0000, size: 0x40000)])
    let cpu = try #require(index["/cpus/cpu@1"])
    #expect(index.registers(of: cpu) == [AddressRange(address: 1, size: 0)])
    #expect(index.physicalRegisters(of: cpu) == [nil])
  }

  @Test func `a range that leaves its window is not translated`() throws {
    let index = TreeIndex(sampleTree())
    let soc = try #require(index["/soc@ffe000000"])
    let last = AddressRange(address: 0xFF_FFFF, size: 1)
    #expect(index.translate(last, from: soc)?.address == 0xF_FEFF_FFFF)
    #expect(index.translate(AddressRange(address: 0xFF_FFFF, size: 2), from: soc) == nil)
  }

  @Test func `phandles, references, aliases and inherited properties lead to nodes`() throws {
    var tree = sampleTree()
    let unresolved = TreeIndex(tree)
    let parent = try #require(tree.root["interrupt-parent"])
    #expect(unresolved.target(of: parent, cell: 0)?.node.name == "pic@40000")
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    let index = TreeIndex(tree)
    #expect(index.node(phandle: 1)?.node.name == "pic@40000")
    #expect(index.node(alias: "serial0")?.node.labels == ["serial0"])
    let cpu = try #require(index["/cpus/cpu@0"])
    #expect(index.inherited("interrupt-parent", by: cpu)?.cell == 1)
    #expect(index.node("soc/pic@40000")?.path == "/soc@ffe000000/pic@40000")
    #expect(index.nodes(compatibleWith: "fsl,p4080").map(\.path) == ["/"])
    #expect(index.children(of: index.entries[0]).map(\.node.name).first == "cpus")
    #expect(index.children(of: cpu).isEmpty)
  }

  @Test func `reg that does not fit the cells is not decoded`() throws {
    let index = TreeIndex(
      Tree { root in
        root.set("#address-cells", 2)
        root.add("n") { $0.set("reg", .cells([1, 2])) }
      })
    let node = try #require(index["/n"])
    #expect(index.registers(of: node) == nil)
  }
}
