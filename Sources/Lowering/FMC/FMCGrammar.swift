import Documents

/// What a value in FMC's files may be, and how FMC reads it.
enum FMCValue: Sendable, Hashable {
  /// Any text.
  case text
  /// The name of something.
  case name
  /// A number that FMC reads with `strtol(…, 0)`: decimal, `0x…`, or octal behind a leading 0.
  case number
  /// A number in hexadecimal behind `0x`.
  case hexadecimal
  /// One of some words. Another is refused or quietly taken for the default.
  case choice([String])
  /// A flag that FMC takes for set when it is one of these words and for unset otherwise.
  case flag(set: [String])
  /// A flag that any text sets, `no` as well.
  case presence
}

/// One element of FMC's files: what it may have and hold.
struct FMCRule: Sendable {
  var attributes: [String: FMCValue]
  var required: [String]
  /// Its children, by name, with the rule for each.
  var children: [String: String]
  /// Children of which the last one counts.
  var single: [String]
  /// What its text is; `nil` when it holds elements.
  var text: FMCValue?

  init(
    _ attributes: [String: FMCValue] = [:], required: [String] = [], children: [String] = [],
    single: [String] = [], text: FMCValue? = nil
  ) {
    self.attributes = attributes
    self.required = required
    // `name=rule` where an element means another thing in another place.
    self.children = Dictionary(
      uniqueKeysWithValues: (children + single).map { child in
        let parts = child.split(separator: "=").map(String.init)
        return (parts[0], parts.last ?? parts[0])
      })
    self.single = single.map { String($0.prefix { $0 != "=" }) }
    self.text = text
  }
}

/// The elements and attributes that FMC 0.9.34 reads: `source/FMCCFGReader.cpp`,
/// `source/FMCPCDReader.cpp`, `etc/fmc/config/cfgdata.xsd` and `netpcd.xsd` of nxp-qoriq/fmc. Where
/// program and schema disagree, the program counts.
enum FMCGrammar {
  /// The rule for an element; elements with one text, such as a number, share a few.
  static func rule(_ name: String) -> FMCRule { rules[name] ?? FMCRule(text: .text) }

  static let flag = FMCValue.flag(set: ["yes", "true"])

  static let actionTypes = ["classification", "distribution", "policer", "replicator", "drop"]

  private static let rules: [String: FMCRule] = [
    // The configuration.
    "cfgdata": FMCRule(
      ["noNamespaceSchemaLocation": .text], children: ["config", "comment"]),
    "config": FMCRule(children: ["engine", "comment"]),
    "engine": FMCRule(
      ["name": .name, "offload": .number, "kg_payload": .number], required: ["name"],
      children: ["port", "comment"], single: ["default_queue1=number", "default_queue2=number"]),
    "port": FMCRule(
      ["type": .name, "number": .number, "policy": .name, "portid": .number],
      required: ["type", "number", "policy"], children: ["comment"]),

    // The policy file.
    "netpcd": FMCRule(
      [
        "name": .text, "version": .text, "creator": .text, "date": .text, "description": .text,
        "comment": .text, "noNamespaceSchemaLocation": .text,
      ],
      children: [
        "vsp", "manipulations", "policer", "classification", "replicator", "distribution", "policy",
        "comment",
      ]),
    "policy": FMCRule(
      named(), required: ["name"], children: ["comment"],
      single: ["dist_order", "reassembly=reference"]),
    "dist_order": FMCRule(children: ["distributionref=reference", "comment"]),
    "reference": FMCRule(["name": .name], required: ["name"], children: ["comment"]),
    "distribution": FMCRule(
      named(["shared": flag]), required: ["name"], children: ["combine", "comment"],
      single: ["queue", "key", "protocols", "defaults", "action", "vsp=profile"]),
    "queue": FMCRule(
      ["base": .number, "count": .number, "bypass": .flag(set: ["true"])], required: ["base"],
      children: ["comment"]),
    "single-queue": FMCRule(["base": .number], required: ["base"], children: ["comment"]),
    "protocols": FMCRule(children: ["protocolref", "comment"]),
    "protocolref": FMCRule(
      ["name": .name, "opt": .hexadecimal], required: ["name"], children: ["comment"]),
    "key": FMCRule(
      ["shift": .number, "symmetric": .flag(set: ["true"])],
      children: ["fieldref", "nonheader", "comment"]),
    "lookup-key": FMCRule(children: ["fieldref", "nonheader", "hashtable", "comment"]),
    "fieldref": FMCRule(
      ["name": .name, "header_index": .text, "offset": .number, "size": .number],
      required: ["name"], children: ["comment"]),
    "nonheader": FMCRule(
      [
        "source": .choice([
          "frame_start", "key", "hash", "parser", "fqid", "flowid", "default", "endofparse",
        ]),
        "action": .choice(["indexed_lookup", "exact_match"]), "offset": .number, "size": .number,
        "ic_index_mask": .number,
      ], required: ["source", "size"], children: ["comment"]),
    "hashtable": FMCRule(
      ["mask": .number, "hashshift": .number, "keysize": .number], required: ["keysize"],
      children: ["comment"]),
    "combine": FMCRule(
      [
        "offset": .number, "size": .number, "default": .number, "validate": .number,
        "extract_offset": .number, "fieldref": .name, "mask": .number, "portid": .presence,
        "frame": .number, "parser": .number,
      ], children: ["comment"]),
    "defaults": FMCRule(
      ["private0": .number, "private1": .number], children: ["default", "comment"]),
    "default": FMCRule(
      [
        "type": .choice([
          "from_data", "from_data_no_v", "not_from_data", "mac_addr", "tci", "enet_type",
          "ppp_session_id", "ppp_protocol_id", "mpls_label", "ip_addr", "protocol_type",
          "ip_tos_tc", "ipv6_flow_label", "ipsec_spi", "l4_port", "tcp_flag",
        ]),
        "select": .choice(["gbl0", "gbl1", "private0", "private1"]),
      ], required: ["type", "select"], children: ["comment"]),
    "action": FMCRule(
      ["type": .name, "name": .name, "header": .name], children: ["comment"]),
    "entry-action": FMCRule(
      [
        "type": .name, "name": .name, "statistics": .flag(set: ["yes", "true", "enable"]),
      ], children: ["comment"]),
    "conditional-action": FMCRule(
      [
        "condition": .name, "type": .name, "name": .name,
        "statistics": .flag(set: ["yes", "true", "enable"]),
      ], children: ["comment"]),
    "vsp": FMCRule(profile, required: ["name"], children: ["comment"]),
    "profile": FMCRule(profile, children: ["comment"]),
    "classification": FMCRule(
      named([
        "max": .number, "masks": flag, "shared": flag,
        "statistics": .choice(["none", "frame", "byteframe", "rmon"]),
      ]), required: ["name"], children: ["entry", "framelength", "comment"],
      single: [
        "key=lookup-key", "may-use", "queue=single-queue", "action=conditional-action",
        "vsp=profile", "fragmentation=reference", "header=reference",
      ]),
    "entry": FMCRule(
      ["index": .number],
      children: ["comment"],
      single: [
        "data=bytes", "mask=bytes", "queue=single-queue", "action=entry-action", "vsp=profile",
        "fragmentation=reference", "header=reference",
      ]),
    "framelength": FMCRule(
      ["index": .number, "value": .number], required: ["index", "value"], children: ["comment"]),
    "may-use": FMCRule(children: ["action=entry-action", "comment"]),
    "replicator": FMCRule(
      named(["max": .number, "masks": flag]), required: ["name"],
      children: ["entry=replicator-entry", "comment"],
      single: ["may-use", "queue=single-queue", "action=entry-action"]),
    "replicator-entry": FMCRule(
      children: ["comment"],
      single: [
        "queue=single-queue", "action=entry-action", "vsp=profile", "fragmentation=reference",
        "header=reference",
      ]),
    "policer": FMCRule(
      named(["shared": flag]), required: ["name"],
      children: ["action=conditional-action", "comment"],
      single: [
        "algorithm", "color_mode", "default_color", "unit", "CIR=number", "PIR=number",
        "EIR=number", "CBS=number", "PBS=number", "EBS=number",
      ]),
    "algorithm": FMCRule(text: .choice(["rfc2698", "rfc4115", "pass_through"])),
    "color_mode": FMCRule(text: .choice(["color_aware", "color_blind"])),
    "default_color": FMCRule(text: .choice(["red", "yellow", "green", "override"])),
    "unit": FMCRule(text: .choice(["packet", "byte"])),

    // Manipulations.
    "manipulations": FMCRule(
      ["description": .text, "comment": .text],
      children: ["fragmentation", "reassembly", "header=manipulation", "comment"]),
    "fragmentation": FMCRule(
      ["name": .name], required: ["name"], children: ["comment"],
      single: [
        "size=number", "dontFragAction", "scratchBpid=number", "sgBpid=number",
        "optionsCounterEn=switch",
      ]),
    "dontFragAction": FMCRule(text: .choice(["discard", "fragment", "continue"])),
    "reassembly": FMCRule(
      ["name": .name], required: ["name"], children: ["comment"],
      single: [
        "sgBpid=number", "nonConsistentSpFqid=number", "maxInProcess=number",
        "dataLiodnOffset=number", "dataMemId=number", "ipv4minFragSize=number",
        "ipv6minFragSize=number", "timeOutMode", "fqidForTimeOutFrames=number",
        "numOfFramesPerHashEntry=number", "numOfFramesPerHashEntry1=number",
        "numOfFramesPerHashEntry2=number", "timeoutThreshold=number",
      ]),
    "timeOutMode": FMCRule(text: .choice(["frame", "fragment"])),
    "manipulation": FMCRule(
      ["name": .name, "parse": flag, "duplicate": .number], required: ["name"],
      children: ["comment"],
      single: [
        "insert", "remove", "insert_header", "remove_header", "update", "custom",
        "nextmanip=reference",
      ]),
    "insert": FMCRule(
      children: ["comment"],
      single: ["size=number", "offset=number", "replace=switch", "data=bytes"]),
    "remove": FMCRule(children: ["comment"], single: ["size=number", "offset=number"]),
    "insert_header": FMCRule(
      ["type": .choice(["mpls"]), "header_index": .number], required: ["type"],
      children: ["comment"], single: ["replace=switch", "data=bytes"]),
    "remove_header": FMCRule(
      [
        "type": .choice(["eth", "ethernet", "qtags", "ethmpls", "ethernet_mpls", "mpls"])
      ], required: ["type"], children: ["comment"]),
    "update": FMCRule(
      ["type": .choice(["vlan", "ipv4", "ipv6", "tcpudp"])], required: ["type"],
      children: ["field", "comment"]),
    "field": FMCRule(
      [
        "type": .choice([
          "dscp", "vpri", "tos", "id", "ttl", "src", "dst", "tc", "hl", "checksum",
        ]),
        "value": .number, "fill": flag, "index": .number,
      ], required: ["type"], children: ["comment"]),
    "custom": FMCRule(
      ["type": .choice(["ipv4", "ipv6", "ipv4byipv6", "ipv6byipv4"])], required: ["type"],
      children: ["comment"],
      single: ["decttl=switch", "id=number", "size=number", "data=bytes"]),

    // Elements that hold one text.
    "number": FMCRule(text: .number),
    "bytes": FMCRule(text: .hexadecimal),
    "switch": FMCRule(text: .flag(set: ["yes", "true", "enable"])),
    "comment": FMCRule(text: .text),
  ]

  private static func named(_ more: [String: FMCValue] = [:]) -> [String: FMCValue] {
    more.merging(["name": .name, "description": .text, "comment": .text]) { old, _ in old }
  }

  private static let profile = named([
    "type": .choice(["direct", "indirect"]), "base": .number, "fqshift": .number,
    "vspoffset": .number, "vspcount": .number, "alloc": .flag(set: ["yes"]),
  ])
}

/// The fields and protocols that FMC knows: `etc/fmc/config/hxs_pdl_v3.xml` of nxp-qoriq/fmc.
enum FMCNames {
  static let protocols: Set<String> = [
    "ethernet", "vlan", "llc_snap", "mpls", "ipv4", "ipv6", "ip", "tcp", "udp", "gre", "pppoe",
    "minencap", "sctp", "dccp", "ipsec_ah", "ipsec_esp", "otherl3", "otherl4", "shim1", "shim2",
  ]

  /// The fields that the classifier compares whole and whose size is certain, with their bytes.
  static let keySizes: [String: Int] = [
    "ethernet.dst": 6, "ethernet.src": 6, "ethernet.type": 2, "vlan.tci": 2, "ipv4.dst": 4,
    "ipv4.src": 4, "ipv4.tos": 1, "ipv4.nextp": 1, "ipv4.ttl": 1, "ipv6.nexthdr": 1,
    "ipv6.dst": 16, "ipv6.src": 16, "ipv6.hop": 1, "ip.nextp": 1, "tcp.sport": 2, "tcp.dport": 2,
    "udp.sport": 2, "udp.dport": 2, "sctp.sport": 2, "sctp.dport": 2, "gre.type": 2,
  ]

  /// All fields.
  static let fields: Set<String> = [
    "ethernet.dst", "ethernet.src", "ethernet.type", "vlan.pri", "vlan.cfi", "vlan.vlanid",
    "vlan.tci", "vlan.type", "mpls.label", "mpls.cos", "mpls.s", "mpls.ttl", "ipv4.ver",
    "ipv4.hlen", "ipv4.tos", "ipv4.tlen", "ipv4.identification", "ipv4.df", "ipv4.mf",
    "ipv4.foffset", "ipv4.ttl", "ipv4.nextp", "ipv4.hchecksum", "ipv4.src", "ipv4.dst", "ipv6.ver",
    "ipv6.tos", "ipv6.flabel", "ipv6.plen", "ipv6.nexthdr", "ipv6.hop", "ipv6.src", "ipv6.dst",
    "ip.nextp", "ip.dscp", "tcp.sport", "tcp.dport", "tcp.seq", "tcp.ack", "tcp.flags", "tcp.win",
    "tcp.crc", "tcp.urg", "udp.sport", "udp.dport", "udp.len", "udp.crc", "gre.flags", "gre.type",
    "gre.key", "gre.seq", "pppoe.ver", "pppoe.type", "pppoe.code", "pppoe.session_ID",
    "pppoe.hlen", "pppoe.nextp", "sctp.sport", "sctp.dport", "sctp.ver_tag", "sctp.crc",
    "dccp.sport", "dccp.dport", "ipsec_ah.nexthdr", "ipsec_ah.spi", "ipsec_esp.spi",
    "llc_snap.OUI", "llc_snap.type", "llc_snap.dsap", "llc_snap.ssap", "minencap.dst",
  ]

  /// The fields whose `header_index` is heeded, with what it may be.
  static let headerIndexes: [String: Set<String>] = {
    var indexes: [String: Set<String>] = [
      "vlan.tci": ["1", "last"], "mpls.label": ["1", "2", "last"], "ipv6.flabel": ["1", "last"],
    ]
    for field in [
      "ipv4.src", "ipv4.dst", "ipv4.tos", "ipv4.nextp", "ipv6.src", "ipv6.dst", "ipv6.tos",
      "ipv6.nexthdr",
    ] { indexes[field] = ["1", "last"] }
    return indexes
  }()

  /// The protocol that a field belongs to.
  static func proto(of field: String) -> String { String(field.prefix { $0 != "." }) }
}
