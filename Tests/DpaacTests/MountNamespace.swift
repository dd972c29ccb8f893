import Glibc
import TestSupport

/// A mount namespace for a test's processes, in which files are not what they are elsewhere.
enum MountNamespace {
  static let unshare = Tool("unshare", package: "util-linux")
  static let isAllowed: Bool =
    geteuid() == 0 && (try? unshare.run(["-m", "true"]))?.status == 0
}
