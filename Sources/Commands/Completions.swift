import ArgumentParser

extension CompletionKind {
  static var pools: CompletionKind { .shellCommand("vfpool pool list --names 2>/dev/null") }
  static var pfs: CompletionKind { .shellCommand("vfpool pf list --names 2>/dev/null") }
  static var vfs: CompletionKind { .shellCommand("vfpool vf list --names 2>/dev/null") }
  static var guests: CompletionKind { .shellCommand("virsh -q -c qemu:///system list --all --name 2>/dev/null") }
  static var devices: CompletionKind { .shellCommand("vfpool device list --names 2>/dev/null") }
}
