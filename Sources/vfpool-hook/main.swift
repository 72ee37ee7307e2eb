import ControlSocket
import Glibc

exit(HookRun(arguments: CommandLine.arguments).exitCode())
