// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "dpaac-benchmarks",
  dependencies: [.package(name: "dpaac", path: "..")],
  targets: [
    .target(name: "BenchmarkTools"),
    .executableTarget(
      name: "DeviceTreeBenchmark",
      dependencies: ["BenchmarkTools", .product(name: "DeviceTree", package: "dpaac")]),
    .executableTarget(
      name: "PlanBenchmark",
      dependencies: ["BenchmarkTools", .product(name: "Plans", package: "dpaac")]),
    // The runtime's own sources, with the kernels that time them in one module, so that a step is
    // inlined in a kernel as it is in the engine.
    .target(
      name: "RuntimeKernels", dependencies: [.product(name: "DPAARuntime", package: "dpaac")]),
    .target(name: "CTwin"),
    .executableTarget(
      name: "RuntimeBenchmark",
      dependencies: [
        "BenchmarkTools", "CTwin", "RuntimeKernels",
        .product(name: "DPAARuntime", package: "dpaac"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      .enableUpcomingFeature("ExistentialAny"),
      .enableUpcomingFeature("InternalImportsByDefault"),
      .enableUpcomingFeature("MemberImportVisibility"),
      .treatAllWarnings(as: .error),
    ]
}
