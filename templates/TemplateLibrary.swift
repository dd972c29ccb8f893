/// The templates that are compiled in: texts for compilers and people, one for each kind of file.
///
/// They are Mustache in the TEXT content type, without logic beyond sections; what they print is
/// computed by whoever renders them.
public enum Template: String, Sendable, CaseIterable {
  /// The manifest of the generated package.
  case package = "package.swift"
  /// What one owner has, as named constants.
  case owner = "owner.swift"
  /// The whole configuration as a value.
  case configuration = "configuration.swift"
  /// The host's main program.
  case host = "host.swift"
  /// The manifest of the package that the guests' program is in.
  case guestPackage = "guest-package.swift"
  /// The guests' main program.
  case guestMain = "guest-main.swift"
  /// What one guest does, for its owner to write.
  case guest = "guest.swift"
  /// The script that boots a guest on QEMU.
  case launch = "launch.sh"

  /// The template's text.
  public var text: String {
    let bytes: [UInt8] =
      switch self {
      case .package: PackageResources.package_swift_mustache
      case .owner: PackageResources.owner_swift_mustache
      case .configuration: PackageResources.configuration_swift_mustache
      case .host: PackageResources.host_swift_mustache
      case .guestPackage: PackageResources.guest_package_swift_mustache
      case .guestMain: PackageResources.guest_main_swift_mustache
      case .guest: PackageResources.guest_swift_mustache
      case .launch: PackageResources.launch_sh_mustache
      }
    return String(decoding: bytes, as: UTF8.self)
  }
}
