import Glibc

// SAFETY: a window stays mapped as long as the session.
/// How a guest hears what the host wants of it.
enum HostLink {
  /// Not at all: the owner runs in the engine's own process.
  case nobody
  /// Over the control socket: a byte to drain, its end to end.
  case socket(Int32)
  /// From a word of a ``MachineWindow``.
  case window(UnsafeMutableRawPointer, EngineBell.Register)

  /// The host's next request.
  var request: GuestSession.Request {
    switch self {
    case .nobody: return .none
    case .socket(let control):
      var byte: UInt8 = 0
      switch recv(control, &byte, 1, Int32(MSG_DONTWAIT)) {
      case 0: return .end
      case 1: return .drain
      default: return errno == EAGAIN || errno == EINTR ? .none : .end
      }
    case .window(let window, _):
      return switch MachineWindow.Wish(rawValue: window.counter(MachineWindow.Word.wish)) {
      case .run: .none
      case .drain: .drain
      case .end, nil: .end
      }
    }
  }

  /// What a guest that sleeps waits on beside its interrupts; -1 for nothing.
  var descriptor: Int32 {
    guard case .socket(let control) = self else { return -1 }
    return control
  }

  /// Whether this guest is a machine of its own.
  var isWindow: Bool {
    guard case .window = self else { return false }
    return true
  }

  /// How an engine that sleeps is woken.
  var bell: EngineBell {
    guard case .window(let window, let register) = self else { return .none }
    return EngineBell(window: window, register: register)
  }

  /// Tells a host that sees no exit code how the program ended.
  func noteEnding(_ code: Int32) {
    guard case .window(let window, _) = self else { return }
    window.setCounter(MachineWindow.Word.ending, UInt64(code) + 1)
  }
}
