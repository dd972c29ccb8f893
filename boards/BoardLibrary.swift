/// The boards that are compiled in, so that every command knows them from any directory.
public enum BoardLibrary {
  /// The boards' names, sorted.
  public static let names: [String] = ["p4080ds", "t4240qds"]

  /// The YAML text of a board, or `nil` for a name that is not one of ``names``.
  public static func yaml(named name: String) -> [UInt8]? {
    switch name {
    case "p4080ds": PackageResources.p4080ds_yaml
    case "t4240qds": PackageResources.t4240qds_yaml
    default: nil
    }
  }
}
