import Diagnostics
import Documents
import Partitioning

extension DiagnosticCatalogue {
  /// What can be wrong with a file of YAML.
  static let yaml: [Entry] = [
    entry(
      .yamlAlias, .file, "an alias comes behind its anchor",
      meaning: """
        The alias names something that has not been written yet, so there is nothing to put in \
        its place.
        """,
      repair: "write the anchor first",
      source: "YAML 1.2",
      example: """
        board: p4080ds
        partitions: *missing

        """),
    entry(
      .yamlAliasExpansion, .file, "aliases repeat no more than \(YAMLReader.aliasLimit) nodes",
      meaning: """
        Aliases to aliases grow without bounds: a few lines can stand for more nodes than any \
        memory holds.
        """,
      repair: "write fewer aliases of aliases",
      source: "a decision of this project",
      example: """
        a: &a [x, x, x, x, x, x, x, x, x, x]
        b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
        d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
        e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
        f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
        g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]

        """),
    entry(
      .yamlDuplicateKey, .file, "a key comes once in a mapping",
      meaning: """
        Most readers take the last of the two in silence, and the writer sees the first.
        """,
      repair: "give one of them another name, or join the two",
      source: "YAML 1.2, section 3.2.1.3",
      example: """
        board: p4080ds
        partitions:
          host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
          host  : { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 201-300, pools: [ {buffers: 64, size: 2 KiB} ] }
        links: [ [host, guest1] ]

        """),
    entry(
      .yamlEmpty, .file, "a file holds a document",
      meaning: "A file of comments says nothing about a board or a plan.",
      repair: "write a plan, or name the right file",
      source: "YAML 1.2",
      example: """
        # A plan will stand here.

        """),
    entry(
      .yamlKey, .file, "a key is a text",
      meaning: "A list as a key is legal YAML, but names nothing.",
      repair: "write a text in front of the colon",
      source: "a decision of this project",
      example: """
        board: p4080ds
        [a, b]: c

        """),
    entry(
      .yamlMultipleDocuments, .file, "a file holds one document",
      meaning: "A second document would be read by nobody.",
      repair: "put it into a file of its own",
      source: "a decision of this project",
      example: """
        board: p4080ds
        partitions:
          host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
        links: [ [host, guest1] ]
        ---
        board: t4240qds

        """),
    entry(
      .yamlNesting, .file,
      """
      lists and mappings stand no more than \(YAMLReader.nestingLimit) deep in each other
      """,
      meaning: "Each level costs stack; a file of nothing but brackets would end the program.",
      repair: "close brackets that were left open",
      source: "a decision of this project",
      example: """
        board: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]

        """),
    entry(
      .yamlSyntax, .file, "a file is YAML in UTF-8",
      meaning: "Nothing behind the fault can be trusted, so reading ends there.",
      repair: "mend the bracket, indent or quote at the place",
      source: "YAML 1.2",
      example: """
        board: p4080ds
        partitions:
          host: { cpus: 0-3
          guest1: { cpus: 4-5 }

        """),
    entry(
      .yamlTag, .file, "tags are not used",
      meaning: "A tag asks the reader for a type; what a value means is fixed by its key.",
      repair: "leave the tag out",
      source: "a decision of this project",
      example: """
        board: !!str p4080ds
        partitions:
          host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
        links: [ [host, guest1] ]

        """),
  ]
}
