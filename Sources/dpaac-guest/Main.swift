import DPAAPortal

/// The process of a guest that runs one of the built-in programs.
@main
enum Main {
  static func main() {
    GuestMain.run { (session: inout GuestSession) throws(GuestError) in
      try session.run()
    }
  }
}
