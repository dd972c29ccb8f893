// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "dpaac-benchmarks",
  dependencies: [.package(name: "dpaac", path: "..")],
  targets: [
    .executableTarget(
      name: "DeviceTreeBenchmark",
      dependencies: [.product(name: "DeviceTree", package: "dpaac")])
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
