/// What virtual machines boot: the kernel and the file system that `scripts/guest-image` makes.
public enum GuestImage {
  /// QEMU for machines like this one.
  public static let emulator = Tool("qemu-system-x86_64", package: "qemu-system-x86")

  /// Whether tests with virtual machines run: they are heavy, and nothing is made for them.
  public static let isPresent: Bool = {
    guard isHeavy, emulator.isPresent else { return false }
    let script = Tool("\(Checkout.path)/scripts/guest-image", package: "")
    return (try? script.run(["--if-cheap"]))?.text.isEmpty == false
  }()

  /// Whether what `scripts/contest-image` makes is there, and new.
  public static let hasContest: Bool = {
    guard isHeavy else { return false }
    let script = Tool("\(Checkout.path)/scripts/contest-image", package: "")
    return (try? script.run(["--if-cheap"]))?.text.isEmpty == false
  }()
}

/// The machine on both sides of an ESP gateway, which `scripts/esp-guest` makes.
public enum GatewayPeer {
  /// Whether tests with it run: they are heavy, and nothing is made for them.
  public static let isPresent: Bool = {
    guard isHeavy, GuestImage.emulator.isPresent else { return false }
    let script = Tool("\(Checkout.path)/scripts/esp-guest", package: "")
    return (try? script.run(["--if-cheap"]))?.text.isEmpty == false
  }()
}
