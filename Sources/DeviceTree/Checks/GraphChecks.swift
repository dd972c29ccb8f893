import Diagnostics

extension TreeCheck {
  /// Ports and endpoints that describe how devices are wired (graph binding).
  static let graphChecks: [TreeCheck] = [
    TreeCheck(
      "graph-nodes", .warning,
      .node(when: { own, _ in own.traits.contains(.root) && own.below.contains(.endpoint) }) {
        visit in
        for child in visit.node.children where child.isGraphEndpoint {
          visit.fail("the root is no port, but has the endpoint '\(child.name)'")
        }
      }),
    TreeCheck(
      "graph-child-address", .warning, after: ["graph-nodes"],
      .node(when: isBus([.graphPort, .graphPorts])) { visit in
        let node = visit.node
        let hasAddress = node.children.contains { ($0["reg"]?.cells?.first ?? 0) != 0 }
        if !hasAddress, node.children.count == 1, node["#address-cells"] != nil {
          visit.fail("needs no #address-cells and #size-cells for its only child")
        }
      }),
    TreeCheck(
      "graph-port", .warning, after: ["graph-nodes"],
      .node(when: isBus(.graphPort)) { visit in
        checkGraphReg(&visit)
        if visit.parent?.name == "__overlay__" { return }
        if visit.node.baseName != "port" { visit.fail("is a port and should be called 'port'") }
      }),
    TreeCheck(
      "graph-endpoint", .warning, after: ["graph-nodes"],
      .node(when: isOn(.graphPort)) { visit in
        checkGraphReg(&visit)
        if visit.node.baseName != "endpoint" {
          visit.fail("is an endpoint and should be called 'endpoint'")
        }
        checkRemoteEndpoint(&visit)
      }),
  ]

  private static func checkGraphReg(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("reg"), let parent = visit.parent else { return }
    guard let number = property.value.cell else {
      return visit.fail("is not a single cell", property)
    }
    visit.expectUnitAddress(String(number, radix: 16), on: "a graph")
    if parent["#address-cells"]?.cell != 1 { visit.fail("#address-cells of its parent is not 1") }
    if parent["#size-cells"]?.cell != 0 { visit.fail("#size-cells of its parent is not 0") }
  }

  private static func checkRemoteEndpoint(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("remote-endpoint"),
      let phandle = property.value.cells?.first, phandle != 0, phandle != .max
    else { return }
    guard let remote = visit.targets[phandle] else {
      return visit.fail("is the phandle of no node", property)
    }
    let back = remote["remote-endpoint"]?.cells?.first
    if back == nil || back != visit.node.phandle {
      let path = visit.targets.path(phandle)
      visit.fail("\(path) does not lead back here", property)
    }
  }
}
