// swift-tools-version: 6.2
import PackageDescription

/// Boards, and the parts that they share, as `boards/BoardLibrary.swift` names them.
let boardFiles = [
  "p2040rdb", "p2041rdb", "p4080ds", "p5020ds", "t4240qds", "soc/p-series", "soc/p2040",
  "soc/p2041", "soc/p4080", "soc/p5-series", "soc/p5020", "soc/qman1", "soc/qman3", "soc/t4240",
]
/// The same boards as device trees, which guests' trees are cut out of.
let boardTrees = [
  "p2040rdb.dts", "p2041rdb.dts", "p4080ds.dts", "p5020ds.dts", "t4240qds.dts", "soc/p2041.dtsi",
  "soc/hypervisor.dtsi", "soc/p4080.dtsi", "soc/p5020.dtsi", "soc/portals-p.dtsi",
  "soc/portals-t4240.dtsi", "soc/t4240.dtsi",
]

let package = Package(
  name: "dpaac",
  products: [
    .library(name: "DeviceTree", targets: ["DeviceTree", "Diagnostics"]),
    .library(
      name: "Plans", targets: ["Lowering", "Documents", "Partitioning", "QorIQ", "Diagnostics"]),
    .library(name: "DPAAPortal", targets: ["DPAAPortal"]),
    .library(
      name: "DPAARuntime", targets: ["DPAARuntime", "DPAAPortal", "Partitioning", "QorIQ"]),
    .executable(name: "dpaac-guest", targets: ["dpaac-guest"]),
    .plugin(name: "DpaacPlan", targets: ["DpaacPlan"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: [
    // MARK: system libraries and C
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .target(name: "CPortalShims"),
    // Opens the libraries that it is about at run time, so that nothing needs them.
    .target(name: "CSecurity"),
    .target(name: "CPatterns"),

    // MARK: what is compiled in
    .target(
      name: "BoardLibrary", path: "boards",
      exclude: ["README.md"],
      resources: (boardFiles.map { "\($0).yaml" } + boardTrees).map { .embedInCode($0) }),
    .target(
      name: "TemplateLibrary", path: "templates",
      resources: [
        .embedInCode("package.swift.mustache"), .embedInCode("owner.swift.mustache"),
        .embedInCode("configuration.swift.mustache"), .embedInCode("host.swift.mustache"),
        .embedInCode("guest-package.swift.mustache"), .embedInCode("guest-main.swift.mustache"),
        .embedInCode("guest.swift.mustache"), .embedInCode("launch.sh.mustache"),
      ]),

    // MARK: the compiler
    .target(name: "Diagnostics"),
    .target(name: "QorIQ"),
    .target(name: "Documents", dependencies: ["Diagnostics", "CYAML", "CXML2"]),
    .target(name: "DeviceTree", dependencies: ["Diagnostics"]),
    .target(name: "Partitioning", dependencies: ["Diagnostics", "QorIQ"]),
    .target(
      name: "Lowering",
      dependencies: [
        "BoardLibrary", "Diagnostics", "Documents", "DeviceTree", "QorIQ", "Partitioning",
      ]),
    .target(
      name: "Codegen",
      dependencies: [
        "DeviceTree", "Diagnostics", "Documents", "Partitioning", "QorIQ", "TemplateLibrary",
        .product(name: "Mustache", package: "swift-mustache"),
      ]),

    // MARK: the runtime
    .target(name: "DPAAPortal", dependencies: ["CPortalShims", "QorIQ"], path: "Sources/Portal"),
    .target(name: "Security", dependencies: ["CPortalShims", "CSecurity"]),
    .target(name: "Patterns", dependencies: ["CPatterns", "Partitioning"]),
    .target(
      name: "DPAARuntime",
      dependencies: [
        "CPortalShims", "CSecurity", "DPAAPortal", "Diagnostics", "Partitioning", "Patterns",
        "QorIQ",
        "Security",
      ],
      path: "Sources/Runtime"),

    .target(
      name: "Measure",
      dependencies: [
        "CPortalShims", "DPAAPortal", "DPAARuntime", "Diagnostics", "Partitioning",
        "Patterns", "Security",
      ]),

    // MARK: commands
    .target(name: "DeviceTreeCommands", dependencies: ["DeviceTree", "Diagnostics"]),
    .executableTarget(name: "dpaac-dt", dependencies: ["DeviceTreeCommands"]),
    .executableTarget(name: "dpaac-guest", dependencies: ["DPAAPortal"]),
    .executableTarget(
      name: "pong", dependencies: ["DPAAPortal"], path: "examples/guest-program",
      exclude: ["README.md"]),
    .executableTarget(
      name: "seal", dependencies: ["DPAAPortal"], path: "examples/security-program",
      exclude: ["README.md", "p4080ds.yaml"]),
    .executableTarget(
      name: "dpaac",
      dependencies: [
        "Codegen", "DPAAPortal", "DPAARuntime", "DeviceTree", "DeviceTreeCommands", "Diagnostics",
        "Lowering", "Measure", "Partitioning", "QorIQ",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // MARK: plugins
    .plugin(name: "DpaacPlan", capability: .buildTool(), dependencies: ["dpaac"]),

    // MARK: tests
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .target(name: "CTestShims", path: "Tests/CTestShims"),
    .testTarget(
      name: "CodegenTests",
      dependencies: [
        "Codegen", "DPAARuntime", "DeviceTree", "Diagnostics", "Documents", "Lowering",
        "Partitioning", "QorIQ", "TemplateLibrary", "TestSupport",
      ]),
    .testTarget(
      name: "DeviceTreeTests",
      dependencies: ["DeviceTree", "DeviceTreeCommands", "Diagnostics", "TestSupport"]),
    .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"]),
    .testTarget(name: "DocumentsTests", dependencies: ["Diagnostics", "Documents"]),
    .testTarget(
      name: "DpaacTests",
      dependencies: [
        "dpaac", "dpaac-dt", "dpaac-guest", "pong", "seal", "Security", "TestSupport",
      ]),
    .testTarget(
      name: "DPAAPortalTests",
      dependencies: ["CPortalShims", "DPAAPortal", "QorIQ", "TestSupport"]),
    .testTarget(
      name: "DPAARuntimeTests",
      dependencies: [
        "CTestShims", "DPAAPortal", "DPAARuntime", "Diagnostics", "Lowering", "Partitioning",
        "Patterns", "QorIQ", "Security", "TestSupport",
      ]),
    .testTarget(name: "SecurityTests", dependencies: ["CSecurity", "Security", "TestSupport"]),
    .testTarget(
      name: "LoweringTests",
      dependencies: [
        "DeviceTree", "Diagnostics", "Documents", "Lowering", "Partitioning", "QorIQ",
        "TestSupport",
      ]),
    .testTarget(
      name: "MeasureTests",
      dependencies: [
        "DPAAPortal", "DPAARuntime", "Diagnostics", "Measure", "Patterns", "Security",
        "TestSupport",
      ]),
    .testTarget(
      name: "PartitioningTests",
      dependencies: ["Diagnostics", "Partitioning", "QorIQ", "TestSupport"]),
    .testTarget(name: "PatternsTests", dependencies: ["Partitioning", "Patterns", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      .enableUpcomingFeature("ExistentialAny"),
      .enableUpcomingFeature("InternalImportsByDefault"),
      .enableUpcomingFeature("MemberImportVisibility"),
      .treatAllWarnings(as: .error),
    ]
}
