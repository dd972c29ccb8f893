// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "office",
  dependencies: [.package(name: "dpaac", path: "../..")],
  targets: [
    .executableTarget(
      name: "office",
      dependencies: [
        .product(name: "DPAARuntime", package: "dpaac"),
        // Not linked: the guests' program, left beside this one.
        .product(name: "dpaac-guest", package: "dpaac"),
      ],
      // Sources/office/office.yaml becomes constants and the value `configuration`.
      plugins: [.plugin(name: "DpaacPlan", package: "dpaac")])
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets { target.swiftSettings = [.treatAllWarnings(as: .error)] }
