import Diagnostics

extension DiagnosticCatalogue {
  /// Every code that ``HypervisorImport`` can give.
  public static let hypervisor: [Entry] = [
    Entry("hv-root", .error, "the tree's root is compatible with fsl,hv-config"),
    Entry("hv-property", .error, "a property has as many cells as it needs"),
    Entry("hv-reference", .error, "a cell that refers to a node names one of the right kind"),
    Entry("hv-area", .error, "a memory area is a power of two on a multiple of its size"),
    Entry("hv-area-overlap", .error, "memory areas do not overlap"),
    Entry(
      "hv-area-shared", .warning,
      "an area belongs to one partition, unless each one's kernel is kept from it"),
    Entry("hv-partition-limit", .error, "there are partitions, and no more than 24"),
    Entry(
      "hv-portal-pair", .error, "a partition has the QMan and the BMan portal of each number"),
    Entry(
      "hv-static-queue", .error,
      "a queue that an interface names is in no range that may be allocated"),
    Entry("hv-inexpressible", .warning, "what is imported has a form in a plan"),
  ].sorted { $0.code < $1.code }
}
