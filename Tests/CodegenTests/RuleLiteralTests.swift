import Partitioning
import QorIQ
import Testing

@testable import Codegen

/// Rules as Swift expressions: each text stands here as code too, which the compiler takes.
@Suite struct RuleLiteralTests {
  @Test func `conditions on bits and bytes are written as what they are`() {
    let masked: MatchCondition =
      .masked(MaskedField(.l4Destination, value: 0x1f80, mask: 0xfff0))
    #expect(
      swiftLiteral(masked)
        == ".masked(MaskedField(.l4Destination, value: 0x1f80, mask: 0xfff0))")
    let bytes: MatchCondition = .bytes(FrameBytes(.ip, at: 1, count: 1, mask: 0xfc), 0xb8)
    #expect(
      swiftLiteral(bytes) == ".bytes(FrameBytes(.ip, at: 1, count: 1, mask: 0xfc), 0xb8)")
  }

  @Test func `keys and copies are written as what they are`() {
    let spread: FlowRule.Spread =
      .key(
        HashKey(
          [.ipSource, .securityIndex],
          bytes: [FrameBytes(.layer4, at: 8, count: 4, mask: 0xffff_ffff)]))
    let text = swiftLiteral(spread).filter { !$0.isWhitespace }
    #expect(
      text
        == ".key(HashKey([.ipSource,.securityIndex],bytes:[FrameBytes(.layer4,at:8,count:4,"
        + "mask:0xffff_ffff)]))")
    let copy = FlowRule.Copy(
      owner: 2, receive: QueueRange(first: 128, count: 64), storageProfile: nil)
    #expect(
      swiftLiteral(copy)
        == "FlowRule.Copy(owner: 2, receive: QueueRange(first: 128, count: 64), "
        + "storageProfile: nil)")
  }
}
