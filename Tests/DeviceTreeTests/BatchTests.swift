import DeviceTreeCommands
import Foundation
import Testing

@Suite struct BatchTests {
  private func source(_ number: Int) -> String {
    "/dts-v1/; / { a = <\(number)>; n: n@\(number) { reg = <\(number)>; p = <&n>; }; };"
  }

  @Test func `every file of a batch becomes what it becomes alone`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let inputs = try (0..<40).map { try directory.write("s\($0).dts", text: source($0)) }
    let test = TestConsole()
    #expect(DeviceTreeCommand.dtc.run(["--batch", "-q", "-@"] + inputs, test.console) == 0)
    for (number, _) in inputs.enumerated() {
      let alone = TestConsole(source(number))
      alone.run(.dtc, "-q", "-@")
      let url = URL(fileURLWithPath: "\(directory.path)/s\(number).dtb")
      #expect(try Array(Data(contentsOf: url)) == alone.bytes)
    }
  }

  @Test func `a bad file of a batch leaves the others alone`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let good = try directory.write("good.dts", text: source(1))
    let bad = try directory.write("bad.dts", text: "/dts-v1/; / { a = <1> };")
    let out = directory.path + "/out"
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    let test = TestConsole()
    #expect(test.run(.dtc, "--batch", "-q", "-d", out, bad, good) == 1)
    #expect(test.errors.contains("bad.dts:1:"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: out) == ["good.dtb"])
  }

  @Test func `a batch refuses outputs without a name of their own`() throws {
    for arguments in [
      ["--batch"], ["--batch", "-"], ["--batch", "a/x.dts", "b/x.dts", "-d", "c"],
    ] {
      let test = TestConsole()
      #expect(DeviceTreeCommand.dtc.run(arguments, test.console) == 1)
      #expect(test.errors.contains("--batch") || test.errors.contains("would both become"))
    }
    let test = TestConsole()
    #expect(test.run(.dtc, "--batch", "-Odts", "x.dts") == 1)
    #expect(TestConsole("/dts-v1/; / { };").run(.dtc, "-q", "--b", "1") == 0)
  }
}
