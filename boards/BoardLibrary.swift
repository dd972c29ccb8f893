/// The boards that are compiled in, so that every command knows them from any directory.
public enum BoardLibrary {
  /// The boards' names, sorted.
  public static let names: [String] = files.keys.filter { !$0.contains("/") }.sorted()

  /// The YAML text of a board (`p4080ds`) or of a part that boards share (`soc/p4080`), or `nil` for
  /// a name that is neither.
  public static func yaml(named name: String) -> [UInt8]? { files[name] }

  /// The source of a board's device tree (`p4080ds.dts`) or of a part that trees include
  /// (`soc/p4080.dtsi`), or `nil` for a name that is neither.
  public static func tree(named name: String) -> [UInt8]? { trees[name] }

  private static let trees: [String: [UInt8]] = [
    "p2040rdb.dts": PackageResources.p2040rdb_dts,
    "p2041rdb.dts": PackageResources.p2041rdb_dts,
    "p4080ds.dts": PackageResources.p4080ds_dts,
    "p5020ds.dts": PackageResources.p5020ds_dts,
    "t4240qds.dts": PackageResources.t4240qds_dts,
    "soc/hypervisor.dtsi": PackageResources.hypervisor_dtsi,
    "soc/p2041.dtsi": PackageResources.p2041_dtsi,
    "soc/p4080.dtsi": PackageResources.p4080_dtsi,
    "soc/p5020.dtsi": PackageResources.p5020_dtsi,
    "soc/portals-p.dtsi": PackageResources.portals_p_dtsi,
    "soc/portals-t4240.dtsi": PackageResources.portals_t4240_dtsi,
    "soc/t4240.dtsi": PackageResources.t4240_dtsi,
  ]

  private static let files: [String: [UInt8]] = [
    "p2040rdb": PackageResources.p2040rdb_yaml,
    "p2041rdb": PackageResources.p2041rdb_yaml,
    "p4080ds": PackageResources.p4080ds_yaml,
    "p5020ds": PackageResources.p5020ds_yaml,
    "t4240qds": PackageResources.t4240qds_yaml,
    "soc/p-series": PackageResources.p_series_yaml,
    "soc/p2040": PackageResources.p2040_yaml,
    "soc/p2041": PackageResources.p2041_yaml,
    "soc/p4080": PackageResources.p4080_yaml,
    "soc/p5-series": PackageResources.p5_series_yaml,
    "soc/p5020": PackageResources.p5020_yaml,
    "soc/qman1": PackageResources.qman1_yaml,
    "soc/qman3": PackageResources.qman3_yaml,
    "soc/t4240": PackageResources.t4240_yaml,
  ]
}
