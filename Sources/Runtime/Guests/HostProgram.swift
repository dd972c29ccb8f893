import CPortalShims
import DPAAPortal
import Diagnostics
import Glibc

/// The main program of a host that was generated from a plan.
public enum HostProgram {
  /// Runs a configuration as `dpaac run` does and ends the process: 0, 1 when frames are not
  /// conserved or the run cannot begin, 64 for bad usage.
  ///
  /// - Parameters:
  ///   - configuration: What to run.
  ///   - directory: What the plan's paths of captures and of files of keys are relative to.
  ///   - guestExecutable: The guests' program.
  public static func main(
    configuration: RuntimeConfiguration, directory: String, guestExecutable: String
  ) -> Never {
    var options = RunOptions(directory: directory, guestProgram: [guestExecutable])
    options.isLive = isatty(2) == 1
    options.image = GuestImage(in: GuestImage.usualDirectory)
    var isJSON = false
    var arguments = CommandLine.arguments.dropFirst()
    func value<Value: LosslessStringConvertible>(_ option: String, _ type: Value.Type) -> Value {
      guard let text = arguments.popFirst(), let value = Value(text) else {
        fail(64, "\(option) needs a value")
      }
      return value
    }
    while let argument = arguments.popFirst() {
      switch argument {
      case "-o", "--output": options.outputDirectory = value(argument, String.self)
      case "--repeat": options.repeats = value(argument, UInt64.self)
      case "--rate": options.pace = .framesPerSecond(value(argument, UInt64.self))
      case "--recorded": options.pace = .recorded
      case "--control": options.control = value(argument, String.self)
      case "--latency": options.showsLatency = true
      case "--port":
        let assignment = value(argument, String.self)
        if let reason = options.setPort(assignment, from: here, in: configuration) {
          fail(64, "--port \(reason)")
        }
      case "--guest-image":
        let directory = value(argument, String.self)
        guard let image = GuestImage(in: directory) else {
          fail(64, "--guest-image \(directory): there is no vmlinuz or no initramfs")
        }
        options.image = image
      case "--captures":
        let name = value(argument, String.self)
        guard let format = CaptureWriter.Format(rawValue: name) else {
          fail(64, "--captures is pcap or pcapng")
        }
        options.captureFormat = format
      case "--program":
        let assignment = value(argument, String.self)
        if let reason = options.setProgram(assignment, in: configuration) {
          fail(64, "--program \(reason)")
        }
      case "--format":
        switch value(argument, String.self) {
        case "json": isJSON = true
        case "text": isJSON = false
        default: fail(64, "--format is text or json")
        }
      case "-h", "--help":
        print(usage)
        exit(0)
      default: fail(64, "unknown argument \(argument)\n\(usage)")
      }
    }
    finish(configuration, options: options, isJSON: isJSON)
  }

  /// Runs a configuration, prints the report and ends the process.
  public static func finish(
    _ configuration: RuntimeConfiguration, options: RunOptions, isJSON: Bool
  ) -> Never {
    do throws(EngineError) {
      let report = try RunSession.run(configuration, options: options)
      print(isJSON ? report.json.text : report.text, terminator: isJSON ? "\n" : "")
      guard fflush(nil) == 0 else {
        fail(1, "standard output: \(String(cString: strerror(errno)))")
      }
      exit(report.isConserved ? 0 : 1)
    } catch {
      fail(1, "\(error)")
    }
  }

  /// The directory that the program was started in.
  private static var here: String {
    guard let path = getcwd(nil, 0) else { return "." }
    defer { free(path) }
    return String(cString: path)
  }

  private static let usage = """
    usage: host [-o DIR [--captures pcap|pcapng]] [--repeat N] [--rate FRAMES-PER-SECOND | --recorded]
                [--latency] [--port INTERFACE=FILE|LINE]... [--program NAME=FILE]
                [--guest-image DIR] [--control FILE] [--format text|json]
      -o DIR               leave a capture for every partition and interface in DIR
      --repeat N           play each capture N times
      --rate R             play at most R frames per second on each interface
      --recorded           play captures with the gaps that they were recorded with
      --latency            tell how long the frames of each flow took
      --port INTERFACE=…   play a capture into an interface, or connect it with a line:
                           \(PortAddress.forms.joined(separator: ", "))
      --guest-image DIR    what guests that are virtual machines boot: vmlinuz and initramfs
      --control FILE       listen for dpaac guests at this socket, and go on until a signal
      --program NAME=FILE  run a program of your own in a partition
    """

  private static func fail(_ code: Int32, _ message: String) -> Never {
    let line = "error: \(message)\n"
    _ = line.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
    exit(code)
  }
}
