import Diagnostics

extension DiagnosticCatalogue {
  /// Every code that ``FMCLint`` and ``FMCImport`` can give: what FMC refuses, and what it passes
  /// over in silence.
  public static let fmc: [Entry] = [
    // Structure.
    Entry("fmc-root", .error, "the files' roots are <cfgdata> and <netpcd>"),
    Entry(
      "fmc-unknown-element", .error,
      "an element is one that FMC reads in its place: it skips others, misspelt ones too"),
    Entry("fmc-unknown-attribute", .error, "an attribute is one that FMC reads"),
    Entry(
      "fmc-missing-attribute", .error,
      "an attribute that FMC needs is there: it takes 0 or the empty name instead"),
    Entry("fmc-repeated-element", .error, "an element of which only the last counts comes once"),
    Entry("fmc-number", .error, "a number is one: FMC reads junk as 0"),
    Entry("fmc-octal", .error, "a number has no leading zero: FMC reads such a one as octal"),
    Entry("fmc-choice", .error, "a word is one that FMC knows: it takes others for the default"),
    Entry(
      "fmc-flag", .error, "a flag is written as FMC reads it: `yes` and `true` are not the same"),
    // Ports.
    Entry("fmc-engine", .error, "an engine is fm0 or fm1, comes once and has ports"),
    Entry(
      "fmc-port-type", .error, "a port's type is one that FMC knows: others become a dummy port"),
    Entry("fmc-port-number", .error, "a port's number is one that there is"),
    Entry("fmc-port-twice", .error, "a port comes once"),
    // Names.
    Entry("fmc-unresolved", .error, "what is referred to is defined"),
    Entry(
      "fmc-duplicate-name", .error,
      "a name is given once for each kind: FMC keeps the last definition of a name"),
    Entry("fmc-name-length", .error, "a name fits into the 63 characters of FMC's objects"),
    Entry(
      "fmc-name-prefix", .note,
      "no distribution's name begins with another's: USDPAA compares no further"),
    Entry("fmc-unknown-protocol", .error, "a protocol is one that FMC knows"),
    Entry("fmc-unknown-field", .error, "a field is one that FMC knows"),
    // Queues.
    Entry("fmc-queue-count", .error, "a distribution has a power of two of queues, up to 2^23"),
    Entry(
      "fmc-queue-alignment", .error,
      "a distribution begins at a multiple of its queues: KeyGen ORs the hash into the base"),
    Entry("fmc-queue-range", .error, "frame queues are from 1 to 0xffffff"),
    Entry("fmc-queue-overlap", .error, "distributions and queues do not overlap in part"),
    Entry("fmc-queue-missing", .error, "what enqueues names its queues: FMC takes FQID 0"),
    Entry(
      "fmc-no-key", .error,
      "a distribution over several queues has a key: without it all frames "
        + "go to the first"),
    // Distributions.
    Entry(
      "fmc-order", .error,
      "a distribution is reached: none before it takes all of its frames"),
    Entry("fmc-empty-policy", .error, "a policy has distributions"),
    Entry(
      "fmc-symmetric", .error, "a symmetric hash has source and destination in pairs"),
    Entry("fmc-header-index", .error, "a header index is one that FMC heeds"),
    Entry(
      "fmc-combine", .error,
      "a combine takes one byte from one place to a bit offset from 0 to 31"),
    Entry("fmc-extracts", .error, "a key has no more extractions and bytes than KeyGen"),
    // Classifications.
    Entry(
      "fmc-key", .error,
      "a classification's key is of one kind and no larger than the classifier takes"),
    Entry("fmc-entry-data", .error, "an entry's data and mask are hexadecimal and fit the key"),
    Entry("fmc-entry-mask", .error, "masks are switched on where entries have them"),
    Entry(
      "fmc-entry-unreachable", .error, "an entry is reached: none before it takes all its frames"),
    Entry("fmc-entry-limit", .error, "a classification has no more entries than it says or can"),
    Entry(
      "fmc-on-miss", .error,
      "a classification says what happens on a miss: FMC enqueues to FQID 0"),
    Entry("fmc-statistics", .error, "an entry counts only what its classification counts"),
    // Actions.
    Entry("fmc-action", .error, "an action is one that is possible where it stands"),
    Entry("fmc-condition", .error, "an action's condition is one that can come about"),
    Entry("fmc-cycle", .error, "actions do not lead back to where they began"),
    // Profiles, manipulations, limits.
    Entry("fmc-profile-number", .error, "a storage profile's number is one that there is"),
    Entry("fmc-profile-twice", .error, "storage profiles have numbers of their own"),
    Entry("fmc-profile-count", .error, "a window of storage profiles is a power of two"),
    Entry(
      "fmc-fman-v2", .error,
      "FMan v2 is not asked for storage profiles, replicators or frame-length statistics, which "
        + "FMC drops in silence"),
    Entry("fmc-reassembly", .error, "a reassembly's numbers are in their ranges"),
    Entry("fmc-limit", .error, "the model has no more of anything than FMC and FMan hold"),
    // Import.
    Entry(
      "fmc-inexpressible", .warning, "what is imported has a form in a plan; the rest is left out"),
  ].sorted { $0.code < $1.code }
}
