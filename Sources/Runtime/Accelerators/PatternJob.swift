import Glibc
import Synchronization

/// Patterns that are compiled on a thread of their own: whoever needs them looks now and then whether they are ready,
/// and goes on meanwhile.
final class PatternJob: Sendable {
  private let result = Mutex<Result<PatternSets, EngineError>?>(nil)

  private init() {}

  /// Begins to compile the patterns of a configuration.
  ///
  /// Nobody has to wait for the thread, which ends with its work: that takes no longer than the work may.
  ///
  /// - Parameters:
  ///   - configuration: The configuration.
  ///   - known: What has been compiled before.
  ///   - compile: What does it.
  /// - Returns: The work.
  static func start(
    _ configuration: RuntimeConfiguration, knowing known: [PatternSets.Compiled],
    _ compile: @escaping PatternSets.Compiler
  ) -> PatternJob {
    let job = PatternJob()
    let thread = WorkerThread.start {
      let outcome: Result<PatternSets, EngineError>
      do throws(EngineError) {
        outcome = .success(try compile(configuration, known))
      } catch {
        outcome = .failure(error)
      }
      job.result.withLock { $0 = outcome }
    }
    pthread_detach(thread)
    return job
  }

  /// What came of it; `nil` as long as it is going on.
  var outcome: Result<PatternSets, EngineError>? { result.withLock { $0 } }
}
