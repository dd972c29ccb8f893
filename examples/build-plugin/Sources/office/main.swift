import DPAARuntime
import Glibc

// `host`, `web`, `mail` and `configuration` are made from office.yaml when this target is built. A name
// that the plan does not have is an error of the compiler, and so is a plan that is not sound.
print("web: queues \(web.queues.receive), portals \(web.portals), pool \(web.owner.pools[0].bpid)")
print("mail hears web on queue \(mail.queues.web.receive)")

// The capture to replay is named in the plan, and seen from there.
let sources = #filePath.split(separator: "/", omittingEmptySubsequences: false)
  .dropLast().joined(separator: "/")

guard let executable = realpath("/proc/self/exe", nil) else {
  fatalError("this program cannot find itself in /proc")
}
let options = RunOptions(
  directory: sources,
  guestProgram: RunOptions.builtInGuest(beside: String(cString: executable)))
HostProgram.finish(configuration, options: options, isJSON: false)
