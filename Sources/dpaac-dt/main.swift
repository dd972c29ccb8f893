import DeviceTreeCommands
import Glibc

exit(DeviceTreeCommand.dispatch(CommandLine.arguments))
