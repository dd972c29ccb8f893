import CPortalShims
import Glibc

/// The main program of a guest: attach, run, and an exit code.
public enum GuestMain {
  /// Runs the body with an attached session and ends the process: 0, or 1 with a message.
  public static func run(
    _ body: (inout GuestSession) throws(GuestError) -> Void
  ) -> Never {
    do throws(GuestError) {
      var session = try GuestSession.attach()
      let host = session.host
      do throws(GuestError) {
        try body(&session)
      } catch {
        host.noteEnding(1)
        throw error
      }
      host.noteEnding(0)
    } catch {
      let message = "dpaac guest: \(error)\n"
      _ = message.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
      exit(1)
    }
    exit(0)
  }
}
