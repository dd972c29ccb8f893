import Diagnostics
import Documents
import Partitioning

/// What the checks found, and which rules hold, by what they are about.
struct ReportChecks {
  let findings: [Diagnostic]

  func content() -> [XMLNode] {
    var nodes: [XMLNode] = [
      findings.isEmpty
        ? .element("p", ["class": "note"], text: "Nothing was found that is worth a word.")
        : ReportPage.table(
          ["finding", "severity", "line", "what"],
          findings.map { finding in
            ReportPage.Row(
              finding.code.description,
              [
                finding.severity.rawValue, finding.span.map { "\($0.start.line)" } ?? "",
                finding.message,
              ], data: ("data-finding", finding.code.description))
          })
    ]
    let groups = FindingGroup.allCases.map { group in
      (group, PartitionCheck.catalogue.filter { $0.group == group })
    }.filter { !$0.1.isEmpty }
    nodes.append(
      .element(
        "ul", ["class": "keepers"],
        groups.map { group, checks in
          .element(
            "li", ["data-group": "\(group.rawValue) \(checks.count)"],
            [.text("\(group.rawValue): "), .element("strong", text: "\(checks.count)")])
        }))
    nodes.append(
      .element(
        "details", [:],
        [
          .element("summary", text: "All \(PartitionCheck.catalogue.count) rules that hold"),
          ReportPage.table(
            ["rule", "about", "what holds"],
            groups.flatMap(\.1).map {
              ReportPage.Row(
                $0.code.description, [$0.group.rawValue, $0.summary],
                data: ("data-check", $0.code.description))
            }),
        ]))
    return nodes
  }
}
