import Diagnostics
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

extension Example {
  /// A plan with a guest of every dialect and all that a plan can give to one: images, boot
  /// arguments, shared memory, accelerators, chains, congestion groups, pool channels, roles, whole
  /// interfaces, shared ones and links. No two guests have anything alike.
  static func complete(board: String = "p4080ds") throws -> Partition {
    let result = PlanLoader.load(
      SourceFile(name: "complete.yaml", text: completePlan), board: board)
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }

  static let completePlan = """
    board: p4080ds
    shared-memory: { mailbox: {size: 1 MiB, between: [guest2, guest3], writers: [guest2]} }
    partitions:
      host:
        { cpus: 0-2, memory: 1 GiB, portals: 3, queues: 1-100,
          pools: [ {id: 1, buffers: 4096, size: 2 KiB} ], os: linux-sdk }
      guest1:
        cpus: 3-4
        memory: 512 MiB
        portals: 3
        queues: 512-2047
        pools:
          - {id: 2, buffers: 1024, size: 2 KiB}
          - {buffers: 64, size: 2 KiB}
          - {buffers: 64, size: 4 KiB}
        os: linux-mainline
        congestion-groups: 6
        pool-channels: 1
        images: { initrd: {file: root.gz, address: 0x8000000, size: 4 MiB} }
        boot-arguments: console=ttyS0 panic=-1
      guest2:
        cpus: [5]
        memory: 384 MiB
        portals: 2
        queues: 201-400
        pools: [ {id: 9, buffers: 512, size: 2 KiB} ]
        os: linux-sdk
        congestion-groups: 2
        pool-channels: 2
        roles: { confirm: 300-303, error: 310-310 }
        accelerators:
          sec: {mode: poll}
          pme:
            mode: interrupt
            patterns:
              web: { find: [ {text: '"#) \\(x)'}, {regex: 'a+[^b]$', tag: 7, subset: '0,15'} ] }
              other: { set: 9, find: [ {bytes: 00 ff} ] }
        chains: { look: {by: pme, scan: other} }
      guest3:
        cpus: 6-7
        memory: 256 MiB
        portals: 2
        queues: 401-500
        pools: [ {id: 11, buffers: 256, size: 4 KiB} ]
        accelerators: { sec: {mode: poll} }
        chains:
          out:
            by: sec
            answers: fm1-10g0
            ethernet: { dst: "02:00:00:00:00:01", src: "02:00:00:00:00:02", type: ipv6 }
    interfaces:
      fm1-10g0:
        rules:
          - { when: {ipv4.dst: 192.168.2.0/24}, to: guest2 }
          - { when: {ipv4.dst: 192.168.3.0/24}, to: guest3 }
          - { when: {ipv4.dst: 192.168.33.0/24}, to: guest3, through: out }
          - { when: {l4.dst: 80}, to: guest2, through: look }
        otherwise: host
      fm2-gb1: {otherwise: guest1}
      fm2-gb2: {otherwise: guest2}
    links: [ [guest1, guest3], [guest2, guest3] ]

    """
}

/// All partitions that outside judges see: the examples, those made by hand, and one with everything.
func judgedPartitions() throws -> [Partition] {
  try Example.names.map(Example.partition) + Sample.all + [Sample.lonely, Example.complete()]
}
