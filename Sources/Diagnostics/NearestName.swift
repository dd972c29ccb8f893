/// The candidate that is most like a misspelt name, if any is near enough to be worth offering.
///
/// Nobody types a name of more than 128 bytes: for one, there is no advice.
///
/// - Complexity: O(*n* · *m*) in the lengths of the name and of each candidate.
public func nearestName(to name: String, in candidates: some Sequence<String>) -> String? {
  guard name.utf8.count <= 128 else { return nil }
  let limit = max(1, name.count / 3)
  let wanted = Array(name.lowercased().utf8)
  var best: (distance: Int, name: String)?
  for candidate in candidates {
    let other = Array(candidate.lowercased().utf8)
    // No fewer changes than one is longer than the other.
    guard abs(other.count - wanted.count) <= limit else { continue }
    let distance = editDistance(wanted, other)
    if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
  }
  return best?.name
}

/// The optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for i in 0..<left.count {
    var row = [i + 1]
    for j in 0..<right.count {
      var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
      if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
        cost = min(cost, beforeLast[j - 1] + 1)
      }
      row.append(cost)
    }
    (beforeLast, last) = (last, row)
  }
  return last[right.count]
}
