import HostConfig
import PoolModel
import Sysfs

/// Firmware and kernel: what has to be on before a device can go to a guest.
extension Examination {
  func firmwareChecks() -> [Check] {
    [
      cpuVirtualization, kvm, iommuFirmware, iommuKernel, iommuPassthrough, kernelLineWords, grubNames, grubPending,
      interruptRemapping, unsafeInterrupts, vfioModule, vfioWithoutIOMMU, kernelLockdown,
    ]
  }

  private var cpuVirtualization: Check {
    guard let (name, flag, _) = processor.virtualization else {
      return Check(.cpuVirtualization, .unknown, ["the processor is neither Intel's nor AMD's"])
    }
    if processor.flags.contains(flag) { return Check(.cpuVirtualization, .ok, ["\(name) is on (\(flag))"]) }
    if files.exists("/dev/kvm") {
      return Check(.cpuVirtualization, .ok, ["the processor doesn't show \(flag), but KVM has what it needs"])
    }
    return Check(
      .cpuVirtualization, .warning,
      [
        "the processor doesn't show \(flag), and guests run without KVM: "
          + (processor.isVirtual ? "this virtual machine isn't given \(name)" : "\(name) is off in the firmware")
      ],
      fix: processor.isVirtual
        ? ["let its own host pass the CPU through (<cpu mode='host-passthrough'/>)"]
        : ["turn on \(name) in the firmware's setup, then switch the host off and on"])
  }

  private var kvm: Check {
    if files.exists("/dev/kvm") { return Check(.kvm, .ok, ["/dev/kvm is there"]) }
    guard let (_, flag, module) = processor.virtualization else {
      return Check(.kvm, .unknown, ["no /dev/kvm"])
    }
    return processor.flags.contains(flag)
      ? Check(.kvm, .warning, ["no /dev/kvm: the module \(module) isn't loaded"], fix: ["modprobe \(module)"])
      : Check(.kvm, .warning, ["no /dev/kvm: the processor doesn't show \(flag)"], fix: ["see cpu-virtualization"])
  }

  // MARK: - IOMMU

  /// Whether the kernel's command line lets the kernel use the IOMMU.
  private var isKernelLineRight: Bool {
    guard let kernelLine else { return false }
    return kernelLine.wordsAgainstIOMMU.isEmpty && (iommu.kind != .intel || kernelLine.hasIntelIOMMU)
  }

  /// The firmware tells of no IOMMU; nil = there is no telling.
  private var isOffInFirmware: Bool? {
    if iommu.isOn { return false }
    return iommu.kind == nil ? nil : iommu.isInFirmware.map { !$0 }
  }

  private var iommuFirmware: Check {
    guard let kind = iommu.kind else {
      return iommu.isOn
        ? Check(.iommuFirmware, .ok, ["there is an IOMMU, the kernel uses it"])
        : Check(.iommuFirmware, .unknown, ["the processor is neither Intel's nor AMD's"])
    }
    guard let off = isOffInFirmware else {
      return Check(.iommuFirmware, .unknown, ["the kernel shows no ACPI tables (/sys/firmware/acpi/tables)"])
    }
    guard off else {
      return iommu.isInFirmware == true
        ? Check(.iommuFirmware, .ok, ["\(kind.name) is on in the firmware: the ACPI table \(kind.table) is there"])
        : Check(.iommuFirmware, .ok, ["there is an IOMMU, the kernel uses it"])
    }
    let what = processor.isVirtual ? "this virtual machine has no IOMMU" : "\(kind.name) is off in the firmware"
    var evidence = ["\(what): there is no ACPI table \(kind.table)"]
    if isKernelLineRight { evidence.append("the kernel's command line is right: it isn't the reason") }
    return Check(
      .iommuFirmware, .fault, evidence,
      fix: processor.isVirtual
        ? ["give it one (in its own host's libvirt: <iommu model='intel'/>), and switch it off and on"]
        : ["turn on \(kind.name) in the firmware's setup, then switch the host off and on"])
  }

  private var iommuKernel: Check {
    if iommu.isOn {
      let units = iommu.units.isEmpty ? "" : " (\(iommu.units.joined(separator: ", ")))"
      return Check(.iommuKernel, .ok, ["the kernel uses the IOMMU\(units): \(iommu.groupCount) groups"])
    }
    guard let kernelLine else {
      return Check(.iommuKernel, .unknown, ["can't read the kernel's command line (/proc/cmdline)"])
    }
    guard let words = iommu.kind?.words else {
      return Check(.iommuKernel, .unknown, ["the kernel uses no IOMMU: no groups in /sys/kernel/iommu_groups"])
    }
    let against = kernelLine.wordsAgainstIOMMU
    let wrong = against + kernelLine.mistakes.map(\.word)
    if isKernelLineRight {
      if isOffInFirmware == true {
        return Check(.iommuKernel, .ok, ["the kernel's command line is right; what is missing is in the firmware"])
      }
      return Check(
        .iommuKernel, .fault, ["the kernel's command line is right, and yet the kernel uses no IOMMU"],
        fix: ["dmesg | grep -i -e DMAR -e AMD-Vi -e IOMMU"])
    }
    let reason =
      against.isEmpty
      ? "not on the kernel's command line: it lacks intel_iommu=on"
      : "the kernel's command line turns it off: \(against.joined(separator: " "))"
    // Set, but not yet what the kernel was started with.
    let isSet = bootLoader.grub.map { grub in
      words.allSatisfy(grub.commandLine.contains) && against.allSatisfy { !grub.commandLine.contains($0) }
    }
    if isSet == true {
      return Check(
        .iommuKernel, .fault, [reason, "GRUB's settings are right: they didn't reach the running kernel"],
        fix: stepsForPending(words))
    }
    return Check(.iommuKernel, .fault, [reason], fix: bootLoader.steps(add: words, remove: wrong))
  }

  private var iommuPassthrough: Check {
    guard iommu.isOn else { return Check(.iommuPassthrough, .unknown, ["nothing to see while the IOMMU is off"]) }
    let groups = scan.pfs.compactMap { $0.iommuGroup?.number }
    let types = groups.compactMap { files.text("/sys/kernel/iommu_groups/\($0)/type") }
    if kernelLine?.hasPassthrough == true {
      return Check(.iommuPassthrough, .ok, ["the host's own devices go past the IOMMU (iommu=pt)"])
    }
    if !types.isEmpty, types.allSatisfy({ $0 == "identity" }) {
      return Check(.iommuPassthrough, .ok, ["the PFs go past the IOMMU: their groups are of type identity"])
    }
    guard let kernelLine else {
      return Check(.iommuPassthrough, .unknown, ["can't read the kernel's command line (/proc/cmdline)"])
    }
    return Check(
      .iommuPassthrough, .warning, ["the host's own devices go through the IOMMU, which slows them down"],
      fix: bootLoader.steps(add: ["iommu=pt"], remove: kernelLine.mistakes.map(\.word)))
  }

  // MARK: - The kernel's command line

  private var kernelLineWords: Check {
    guard let kernelLine else { return Check(.kernelLine, .unknown, ["can't read /proc/cmdline"]) }
    let mistakes = kernelLine.mistakes
    let idle = kernelLine.idleWords.map { "\($0) means nothing to the kernel, and does no harm" }
    if mistakes.isEmpty {
      let words = kernelLine.words(of: KernelLine.options).joined(separator: " ")
      return Check(
        .kernelLine, .ok, [words.isEmpty ? "it says nothing of the IOMMU" : "it has \(words)"] + idle)
    }
    return Check(
      .kernelLine, .warning,
      mistakes.map { "\($0.word) means nothing to the kernel; what is meant is \($0.meant)" } + idle,
      fix: bootLoader.steps(add: meant(mistakes), remove: mistakes.map(\.word)))
  }

  private func meant(_ mistakes: [(word: String, meant: String)]) -> [String] {
    mistakes.flatMap { $0.meant.split(separator: " ").map(String.init) }.firstOnes
  }

  private var grubNames: Check {
    guard let grub = bootLoader.grub else {
      return grubProblems.isEmpty
        ? Check(.grubNames, .ok, ["GRUB isn't set up by \(GrubDefaults.path) here"])
        : Check(.grubNames, .unknown, grubProblems, fix: asRoot)
    }
    let misnamed = grub.misnamed
    let mistakes = grub.commandLineSettings.flatMap { setting in
      KernelLine(setting).mistakes.map { (setting: setting, word: $0.word, meant: $0.meant) }
    }
    guard !misnamed.isEmpty || !mistakes.isEmpty else {
      return Check(
        .grubNames, .ok,
        grub.commandLineSettings.map(\.description).isEmpty
          ? ["\(GrubDefaults.path) sets no kernel command line"] : grub.commandLineSettings.map(\.description))
    }
    let lost = misnamed.flatMap { KernelLine($0).words(of: KernelLine.options) }
    let wrong = KernelLine(words: lost).mistakes + mistakes.map { ($0.word, $0.meant) }
    let add = lost.filter { word in !wrong.contains { $0.word == word } } + meant(wrong)
    return Check(
      .grubNames, .warning,
      misnamed.map { "\($0): GRUB reads no \($0.key)" }
        + mistakes.map { "\($0.setting): \($0.word) means nothing to the kernel; what is meant is \($0.meant)" },
      fix: misnamed.map { "remove line \($0.line) of \($0.path)" }
        + bootLoader.steps(add: add.firstOnes, remove: mistakes.map(\.word)))
  }

  private var grubPending: Check {
    guard let grub = bootLoader.grub else {
      return Check(.grubPending, .ok, ["GRUB isn't set up by \(GrubDefaults.path) here"])
    }
    guard let kernelLine else { return Check(.grubPending, .unknown, ["can't read /proc/cmdline"]) }
    let set = KernelLine(words: grub.commandLine).words(of: KernelLine.options)
    let running = kernelLine.words(of: KernelLine.options)
    let pending = set.filter { !running.contains($0) }
    if !pending.isEmpty {
      return Check(
        .grubPending, .warning,
        ["GRUB's settings have \(pending.joined(separator: " ")), the running kernel doesn't"],
        fix: stepsForPending(pending))
    }
    let lost = running.filter { !set.contains($0) }
    // grubby keeps its words elsewhere.
    if !lost.isEmpty, bootLoader.family != .grubby, bootLoader.family != .other {
      return Check(
        .grubPending, .warning,
        [
          "the running kernel has \(lost.joined(separator: " ")), GRUB's settings don't: it may be gone after an update"
        ],
        fix: bootLoader.steps(add: lost))
    }
    return Check(.grubPending, .ok, ["GRUB's settings are what the kernel was started with"])
  }

  /// What is left to do for words that are in GRUB's settings.
  private func stepsForPending(_ words: [String]) -> [String] {
    if let generated = bootLoader.generated, words.allSatisfy(generated.contains) { return ["reboot"] }
    return bootLoader.family == .grubby ? bootLoader.steps(add: words) : bootLoader.apply
  }

  // MARK: - Interrupts

  private static let type1 = "vfio_iommu_type1"
  private static let unsafeSwitch = "/sys/module/\(type1)/parameters/allow_unsafe_interrupts"
  private static let unsafeFile = "/etc/modprobe.d/vfio-unsafe-interrupts.conf"

  private var allowsUnsafeNow: Bool { ["Y", "1"].contains(files.text(Self.unsafeSwitch)) }

  private var unsafeSettings: [ModuleSetting] {
    config.settings(ofModule: Self.type1).settings.filter { setting in
      setting.kind == .options && ["1", "y", "Y"].contains(setting.value(of: "allow_unsafe_interrupts"))
    }
  }

  /// Whether the kernel remaps interrupts now: it then names their controllers so. Nil = no telling.
  private var remapsInterrupts: Bool? {
    files.text("/proc/interrupts").map { $0.contains(" IR-") }
  }

  private var interruptRemapping: Check {
    guard iommu.isOn else { return Check(.interruptRemapping, .unknown, ["nothing to see while the IOMMU is off"]) }
    guard let kind = iommu.kind else {
      return Check(.interruptRemapping, .unknown, ["the processor is neither Intel's nor AMD's"])
    }
    if remapsInterrupts == true {
      return Check(.interruptRemapping, .ok, ["the kernel remaps interrupts (/proc/interrupts)"])
    }
    if let kernelLine, !kernelLine.wordsAgainstRemapping.isEmpty {
      let words = kernelLine.wordsAgainstRemapping
      return Check(
        .interruptRemapping, .fault, ["the kernel's command line turns it off: \(words.joined(separator: " "))"],
        fix: bootLoader.steps(remove: words))
    }
    var reason = "the kernel doesn't remap interrupts (/proc/interrupts)"
    if kind == .intel {
      switch files.bytes("/sys/firmware/acpi/tables/DMAR") {
      // Intel's VT-d specification, “DMA Remapping Reporting Structure”: byte 37 has the flags, its bit 0 is INTR_REMAP.
      case .found(let table) where table.count > 37:
        if table[37] & 1 == 0 {
          reason = "the firmware says that the host can't remap interrupts (ACPI table DMAR, INTR_REMAP is 0)"
        } else if remapsInterrupts == nil {
          return Check(
            .interruptRemapping, .ok, ["the firmware says that the host remaps interrupts (ACPI table DMAR)"])
        }
      case .unreadable(let text) where remapsInterrupts == nil:
        return unknown(.interruptRemapping, "/sys/firmware/acpi/tables/DMAR", text)
      default: if remapsInterrupts == nil { return noTelling }
      }
    } else if remapsInterrupts == nil {
      return noTelling
    }
    if allowsUnsafeNow {
      return Check(
        .interruptRemapping, .warning, [reason, "vfio hands devices out all the same (unsafe-interrupts)"],
        fix: ["turn on interrupt remapping (x2APIC) in the firmware's setup, or update the firmware"])
    }
    return Check(
      .interruptRemapping, .fault, [reason, "vfio refuses to hand out devices"],
      fix: [
        "turn on interrupt remapping (x2APIC) in the firmware's setup, or update the firmware",
        "only where that can't be had and every guest is trusted, since a guest can then send the host any interrupt:",
        "echo \"options \(Self.type1) allow_unsafe_interrupts=1\" > \(Self.unsafeFile)",
        "echo 1 > \(Self.unsafeSwitch)",
      ])
  }

  private var noTelling: Check {
    Check(.interruptRemapping, .unknown, ["neither /proc/interrupts nor an ACPI table tells"])
  }

  private var unsafeInterrupts: Check {
    let settings = unsafeSettings
    guard allowsUnsafeNow || !settings.isEmpty else {
      return Check(.unsafeInterrupts, .ok, ["vfio hands no device out without interrupt remapping"])
    }
    var evidence = settings.map(\.description)
    if allowsUnsafeNow { evidence.append("\(Self.unsafeSwitch) is on now") }
    evidence.append("a guest that has a device can send the host any interrupt: every guest has to be trusted")
    let remaps = remapsInterrupts == true
    if remaps { evidence.append("it isn't needed here: the kernel remaps interrupts") }
    let undo =
      settings.map { "remove it: \($0)" } + (allowsUnsafeNow ? ["echo 0 > \(Self.unsafeSwitch)"] : [])
    return Check(
      .unsafeInterrupts, .warning, evidence,
      fix: (remaps ? [] : ["once the host remaps interrupts (interrupt-remapping):"]) + undo)
  }

  // MARK: - vfio and lockdown

  private var vfioModule: Check {
    let off = config.settings(ofModule: "vfio-pci").settings.filter { setting in
      setting.kind == .blacklist
        || setting.kind == .install
          && setting.words.first.map { ["/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true"].contains($0) }
            ?? false
    }
    if files.exists("/sys/bus/pci/drivers/vfio-pci") {
      return Check(.vfioModule, .ok, ["the driver vfio-pci is loaded"])
    }
    // A blacklisted module is still loaded by name, as libvirt does it.
    if let install = off.first(where: { $0.kind == .install }) {
      return Check(
        .vfioModule, .fault, ["\(install): the driver vfio-pci can't be loaded"], fix: ["remove that line"])
    }
    guard let release = files.text("/proc/sys/kernel/osrelease"),
      let modules = files.text("/lib/modules/\(release)/modules.dep")
    else {
      return Check(
        .vfioModule, .unknown, ["the driver vfio-pci isn't loaded, and the kernel's modules can't be listed"])
    }
    let builtIn = files.text("/lib/modules/\(release)/modules.builtin") ?? ""
    if modules.contains("/vfio-pci.ko") || builtIn.contains("/vfio-pci.ko") {
      return Check(.vfioModule, .ok, ["the driver vfio-pci is there; libvirt loads it when it needs it"])
    }
    return Check(
      .vfioModule, .fault, ["kernel \(release) has no driver vfio-pci"],
      fix: [
        bootLoader.family == .debian
          ? "boot one of Debian's or Ubuntu's usual kernels: the cloud kernels lack it"
          : "install the rest of the kernel's modules (kernel-modules, kernel-default) of \(release)"
      ])
  }

  private var vfioWithoutIOMMU: Check {
    guard iommu.isBypassed else { return Check(.vfioWithoutIOMMU, .ok, ["vfio hands no device out without an IOMMU"]) }
    return Check(
      .vfioWithoutIOMMU, .warning,
      ["vfio hands devices out without an IOMMU: whoever has one can write to all of the host's memory"],
      fix: ["echo 0 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"])
  }

  private var kernelLockdown: Check {
    guard let text = files.text("/sys/kernel/security/lockdown") else {
      return Check(.kernelLockdown, .ok, ["the kernel has no lockdown, or doesn't show it"])
    }
    let mode = text.split(separator: "[").last.map { $0.prefix { $0 != "]" } } ?? ""
    if mode == "none" { return Check(.kernelLockdown, .ok, ["the kernel isn't locked down"]) }
    let driverless = scan.pfs.filter { $0.driver == nil }.map(\.name)
    guard !driverless.isEmpty else {
      return Check(.kernelLockdown, .ok, ["the kernel is locked down (\(mode)), which leaves vfio alone"])
    }
    return Check(
      .kernelLockdown, .warning,
      ["the kernel is locked down (\(mode)): drivers that aren't signed aren't loaded"]
        + driverless.map { "\($0) has no driver" },
      fix: ["sign the card's driver and enrol its key (mokutil --import KEY.der), or use the kernel's own driver"])
  }
}
