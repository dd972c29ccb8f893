import Partitioning
import Testing

/// What the proof says of who receives for others.
@Suite struct IsolationProofTests {
  private func barrier(
    _ way: IsolationPath.Way, _ partition: Partition, on ground: IsolationGround,
    from actor: String,
    to victim: String
  ) throws -> IsolationPath.Barrier {
    try #require(
      IsolationProof(partition, on: ground).paths.first {
        $0.way == way && partition.owners[$0.actor].name == actor
          && partition.owners[$0.victim].name == victim
      }?.barrier)
  }

  @Test(arguments: IsolationGround.allCases)
  func `frames for others come to the receiving partition first, and by its queue to them`(
    ground: IsolationGround
  ) throws {
    let partition = try Example.partition("vpn-gateway/p5020ds")
    for way in [IsolationPath.Way.reception, .enqueue] {
      let barrier = try barrier(way, partition, on: ground, from: "gateway", to: "host")
      #expect(!barrier.holdsAgainstActor, "\(way): \(barrier.reason)")
    }
  }

  @Test func `who does not receive for others reaches nobody by a detour`() throws {
    let partition = try Example.partition("kvm-forum/p4080ds")
    for way in [IsolationPath.Way.reception, .enqueue] {
      let barrier = try barrier(way, partition, on: .runtime, from: "guest1", to: "guest2")
      #expect(barrier.holdsAgainstActor, "\(way): \(barrier.reason)")
    }
  }
}
