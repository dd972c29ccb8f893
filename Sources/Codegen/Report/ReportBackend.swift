import Documents
public import Partitioning

/// Prints a partition for people: `report.html`, one file that asks nothing of the network.
public struct ReportBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `report`
  public var name: String { "report" }

  /// The page.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    let page = ReportPage(partition: partition, findings: options.findings).element()
    do throws(XMLWriterError) {
      let text = try XMLWriter().text(of: page, header: " \(options.banner(for: partition)) ")
      // HTML has its own first line; elsewhere the page is written as XML is.
      let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      return [Artifact("report.html", text: "<!DOCTYPE html>\n" + (lines.last ?? ""))]
    } catch {
      throw .unprintable(artifact: "report.html", reason: error.description)
    }
  }
}
