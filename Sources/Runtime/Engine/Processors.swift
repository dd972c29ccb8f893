import CPortalShims

/// The processors of this machine, by Linux's numbers.
public enum Processors {
  /// Whether the calling thread may run on one.
  public static func mayUse(_ processor: Int) -> Bool {
    Int32(exactly: processor).map { dpaac_may_use_cpu($0) != 0 } ?? false
  }

  /// Whether the calling thread may have a nice value.
  public static func mayHave(nice: Int) -> Bool {
    (-20...19).contains(nice) && dpaac_may_have_nice(Int32(nice)) != 0
  }

  /// Those on which the calling thread may run, of the first 1,024.
  public static var usable: [Int] { (0..<1024).filter(mayUse) }

  /// Has the calling thread, and what it starts from now on, run on some only; `false` when that cannot be.
  @discardableResult
  public static func pin(to processors: [Int]) -> Bool {
    let numbers = processors.compactMap { Int32(exactly: $0) }
    return numbers.count == processors.count && dpaac_pin(numbers, Int32(numbers.count)) == 0
  }
}
