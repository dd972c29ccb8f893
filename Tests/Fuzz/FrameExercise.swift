@testable import DPAARuntime

/// What must hold of whatever the parser makes of a frame.
func check(_ parsed: ParsedFrame, _ count: Int) {
  let result = parsed.result
  for header in ParseResult.Header.allCases {
    // The parse may end right behind the frame.
    if let offset = result[header] {
      precondition(offset <= count, "\(header) begins behind the frame")
    }
  }
  precondition(count >= 14 || parsed.words[7] == 0, "a field of less than an Ethernet header")
  let hasIP = result.layer3 & (ParseResult.Layer3.firstIPv4 | ParseResult.Layer3.firstIPv6) != 0
  precondition(hasIP || result.layer4 == 0, "a layer 4 without a layer 3")
  precondition(result.status & 0x20 == 0 || result.hasError, "a status without its error")
}
