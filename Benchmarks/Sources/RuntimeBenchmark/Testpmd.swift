import BenchmarkTools
import CTwin
import Glibc

/// DPDK's testpmd, twice: one plays the host with a vhost port, the other a guest with a virtio-user
/// port, and both send back what comes, as our guests do.
struct Testpmd {
  /// Where sockets and logs lie.
  let work: String
  let length: Int
  /// Bursts of 32 frames that go round.
  let bursts: Int

  static let program = "/usr/bin/dpdk-testpmd"
  static var isInstalled: Bool { access(program, X_OK) == 0 }

  /// Frames that the host passes on in a second; `nil` when testpmd does not run here.
  func run(hostCPU: Int, guestCPU: Int, seconds: Int) -> Double? {
    let socket = "\(work)/vhost"
    unlink(socket)
    let log = "\(work)/host.log"
    guard
      let host = Child(
        arguments(hostCPU, "host", 512, "net_vhost0,iface=\(socket),queues=1")
          + ["--stats-period", "1"], output: log)
    else { return nil }
    defer { host.end() }
    for _ in 0..<100 where access(socket, F_OK) != 0 { usleep(50_000) }
    let device = "net_virtio_user0,path=\(socket),queue_size=256"
    guard
      let guest = Child(
        arguments(guestCPU, "guest", 256, device) + ["-i"], output: "\(work)/guest.log",
        input: "set txpkts \(length)\nstart tx_first \(bursts)\n")
    else { return nil }
    defer { guest.end() }
    // The first second has the start in it, and the one before.
    sleep(UInt32(seconds + 3))
    let rates = FileTools.lines(of: log).compactMap { line -> Double? in
      let words = line.split(separator: " ")
      return words.first == "Rx-pps:" && words.count > 1 ? Double(words[1]) : nil
    }.drop { $0 == 0 }.dropFirst()
    return rates.isEmpty ? nil : Benchmark.median(Array(rates))
  }

  private func arguments(_ cpu: Int, _ name: String, _ megabytes: Int, _ device: String) -> [String]
  {
    // The first thread waits for commands and the second one works, both on one CPU.
    [
      Self.program, "--lcores", "0@\(cpu),1@\(cpu)", "--no-huge", "-m", "\(megabytes)", "--no-pci",
      "--file-prefix", "dpaac-\(name)-\(getpid())", "--vdev", device, "--", "--forward-mode=io",
      "--port-topology=loop", "--no-mlockall", "--total-num-mbufs=8192", "--burst=32",
    ]
  }
}

/// A program that runs until it is ended.
struct Child {
  private let identifier: pid_t
  private let input: Int32

  /// Starts a program with what it may read first; its standard input stays open.
  init?(_ command: [String], output: String, input text: String = "") {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    defer { close(ends[0]) }
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments = command.map { strdup($0) } + [nil]
    defer { for pointer in arguments { free(pointer) } }
    var child: pid_t = 0
    // It binds its threads itself, and would not if it could not have the others' CPUs.
    _ = twin_pin(-1)
    guard posix_spawn(&child, command[0], &actions, nil, &arguments, environ) == 0 else {
      close(ends[1])
      return nil
    }
    identifier = child
    input = ends[1]
    var bytes = Array(text.utf8)
    _ = write(input, &bytes, bytes.count)
  }

  /// Ends it, and waits for it.
  func end() {
    kill(identifier, SIGKILL)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
    close(input)
  }
}
