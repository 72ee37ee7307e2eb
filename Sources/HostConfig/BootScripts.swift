/// Scripts that run at boot or when an interface comes, Debian's `interfaces` and `sysfs.conf`.
extension ConfigReader {
  /// Files that name the scripts to run.
  private static let starters = ["/etc/rc.local", "/etc/rc.d/rc.local", "/etc/crontab"]
  private static let scriptFolders = [
    "/etc/init.d", "/etc/local.d", "/etc/rc.d/init.d", "/etc/network/if-pre-up.d", "/etc/network/if-up.d",
    "/etc/NetworkManager/dispatcher.d", "/etc/NetworkManager/dispatcher.d/pre-up.d",
    "/usr/lib/NetworkManager/dispatcher.d", "/etc/networkd-dispatcher/configured.d",
    "/etc/networkd-dispatcher/routable.d",
  ]

  mutating func bootScripts(of pf: PFIdentity) -> [VFCountWriter] {
    var writers: [VFCountWriter] = []
    for file in Self.starters.compactMap({ file($0) }) + files(in: ["/etc/cron.d"], suffix: "") {
      writers += writes(in: file, pf)
      for statement in file.statements() { writers += scripts(in: statement.text, pf) }
    }
    for folder in Self.scriptFolders {
      for file in files(in: [folder], suffix: "") { writers += writes(in: file, pf) }
    }
    for file in [file("/etc/network/interfaces")].compactMap(\.self)
      + files(in: ["/etc/network/interfaces.d"], suffix: "")
    {
      writers += interfaces(file, pf)
    }
    for file in [file("/etc/sysfs.conf")].compactMap(\.self) + files(in: ["/etc/sysfs.d"], suffix: ".conf") {
      // Its other lines set who may write: owner FILE = root
      writers += writes(in: file, pf).filter { !$0.text.hasPrefix("mode ") && !$0.text.hasPrefix("owner ") }
    }
    return writers
  }

  /// `interfaces(5)`: commands stand below the interface that they are for, which they know as `$IFACE`.
  private mutating func interfaces(_ file: TextFile, _ pf: PFIdentity) -> [VFCountWriter] {
    let commands: Set<String> = ["pre-up", "up", "post-up", "down", "pre-down", "post-down"]
    var writers: [VFCountWriter] = []
    var interface: String?
    for statement in file.statements() {
      let words = statement.text.words
      if words.first == "iface" {
        interface = words.count > 1 ? words[1] : nil
      } else if words.first.map(commands.contains) == true {
        var text = statement.text
        if let interface {
          text = text.replacing("${IFACE}", with: interface).replacing("$IFACE", with: interface)
        }
        if let write = CountCommand.find(in: text, pf) {
          writers.append(
            VFCountWriter(
              kind: .script, path: file.path, line: statement.line, count: write.count, text: statement.text))
        } else if interface.map({ pf.hasFolder($0) != .no }) ?? true {
          writers += scripts(in: text, pf)
        }
      }
    }
    return writers
  }
}
