import Doctor
import HostFakes
import Testing

@Suite struct FirmwareChecksTests {
  // MARK: - Off in firmware, or not on the kernel's command line

  @Test(arguments: FakeHost.Vendor.allCases)
  func fine(vendor: FakeHost.Vendor) throws {
    let host = try FakeHost(vendor)
    for name: CheckName in [
      .cpuVirtualization, .kvm, .iommuFirmware, .iommuKernel, .iommuPassthrough, .kernelLine, .grubNames, .grubPending,
      .interruptRemapping, .unsafeInterrupts, .vfioModule, .vfioWithoutIOMMU, .kernelLockdown,
    ] {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
  }

  static let cases: [(FakeHost.Vendor, Bool, String, firmware: Verdict, kernel: Verdict, line: Verdict)] = [
    // Vendor, whether the ACPI table is there, the kernel's command line; the IOMMU isn't in use.
    (.intel, false, "intel_iommu=on iommu=pt", .fault, .ok, .ok),
    (.intel, false, "quiet", .fault, .fault, .ok),
    (.intel, true, "quiet", .ok, .fault, .ok),
    (.intel, true, "intel_iommu=pt", .ok, .fault, .warning),
    (.intel, true, "iommu=pt", .ok, .fault, .ok),
    (.intel, true, "intel_iommu=on intel_iommu=off", .ok, .fault, .ok),
    (.intel, true, "intel_iommu=on,sm_on iommu=off", .ok, .fault, .ok),
    (.intel, true, "intel_iommu=on iommu=pt", .ok, .fault, .ok),
    (.amd, false, "iommu=pt", .fault, .ok, .ok),
    (.amd, false, "quiet", .fault, .ok, .ok),
    (.amd, true, "amd_iommu=off", .ok, .fault, .ok),
    (.amd, true, "iommu=pt iommu=off", .ok, .fault, .ok),
    (.amd, true, "amd_iommu=pt", .ok, .fault, .warning),
  ]

  @Test(arguments: cases)
  func off(
    vendor: FakeHost.Vendor, table: Bool, line: String, firmware: Verdict, kernel: Verdict, words: Verdict
  ) throws {
    let host = try FakeHost(vendor, table: table, line: line, groups: 0)
    #expect(host.check(.iommuFirmware)?.verdict == firmware)
    #expect(host.check(.iommuKernel)?.verdict == kernel)
    #expect(host.check(.kernelLine)?.verdict == words)
    #expect(host.check(.iommuPassthrough)?.verdict == .unknown)
    #expect(host.check(.interruptRemapping)?.verdict == .unknown)
  }

  @Test func offInFirmwareNamesWhatTheVendorCallsIt() throws {
    let intel = try #require(FakeHost(.intel, table: false, groups: 0).check(.iommuFirmware))
    #expect(intel.evidence[0].contains("VT-d is off in the firmware"))
    #expect(intel.evidence[1].contains("command line is right"))
    #expect(intel.fix == ["turn on VT-d in the firmware's setup, then switch the host off and on"])
    let amd = try #require(FakeHost(.amd, table: false, groups: 0).check(.iommuFirmware))
    #expect(amd.evidence[0].contains("no ACPI table IVRS"))
    let machine = try #require(
      FakeHost(.intel, table: false, groups: 0, flags: "vmx hypervisor").check(.iommuFirmware))
    #expect(machine.fix[0].contains("<iommu model='intel'/>"))
  }

  /// QEMU's Intel IOMMU also works with an AMD processor; what counts is the table.
  @Test func aVirtualMachineWithAnotherVendorsIOMMU() throws {
    let host = try FakeHost(.amd, table: false, line: "iommu=pt", groups: 0, flags: "svm hypervisor")
    #expect(host.check(.iommuFirmware)?.evidence[0].hasPrefix("this virtual machine has no IOMMU") == true)
    try host.file("/sys/firmware/acpi/tables/DMAR", bytes: FakeHost.dmar(flags: 1))
    #expect(host.check(.iommuFirmware)?.verdict == .ok)
    let check = try #require(host.check(.iommuKernel))
    #expect(check.verdict == .fault)
    #expect(check.evidence == ["not on the kernel's command line: it lacks intel_iommu=on"])
  }

  @Test func anIOMMUThatIsOnWithoutAWord() throws {
    // A kernel built with CONFIG_INTEL_IOMMU_DEFAULT_ON.
    let host = try FakeHost(.intel, line: "quiet")
    #expect(host.check(.iommuKernel)?.verdict == .ok)
    let check = try #require(host.check(.iommuPassthrough))
    #expect(check.verdict == .warning)
    #expect(check.fix[0].contains("iommu=pt"))
    #expect(!check.fix[0].contains("intel_iommu"))
  }

  @Test func thePFsPassThroughByTheirGroupsType() throws {
    let host = try FakeHost(.amd, line: "quiet")
    try host.pf("enp1s0", at: "0000:01:00.0", group: 3)
    try host.file("/sys/kernel/iommu_groups/3/type", "DMA-FQ\n")
    #expect(host.check(.iommuPassthrough)?.verdict == .warning)
    try host.file("/sys/kernel/iommu_groups/3/type", "identity\n")
    #expect(host.check(.iommuPassthrough)?.verdict == .ok)
  }

  // MARK: - Where the words go

  static let grub7 = "GRUB_CMDLINE_LINUX=\"crashkernel=auto quiet\"\n"
  static let rhel7 = "NAME=\"Red Hat Enterprise Linux Server\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"7.9\"\n"
  static let centos7 = "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n"
  static let rocky9 = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n"
  static let ubuntu = "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n"
  static let debianLine = "in /etc/default/grub: GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\""
  static let line7 = "in /etc/default/grub: GRUB_CMDLINE_LINUX=\"crashkernel=auto quiet intel_iommu=on iommu=pt\""
  static let grubby = "grubby --update-kernel=ALL --args=\"intel_iommu=on iommu=pt\""

  @Test(
    arguments: [
      ("ID=debian\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", false, [debianLine, "update-grub", "reboot"]),
      (ubuntu, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", true, [debianLine, "update-grub", "reboot"]),
      (rhel7, grub7, false, [line7, "grub2-mkconfig -o /boot/grub2/grub.cfg", "reboot"]),
      (rhel7, grub7, true, [line7, "grub2-mkconfig -o /boot/efi/EFI/redhat/grub.cfg", "reboot"]),
      (centos7, grub7, true, [line7, "grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg", "reboot"]),
      (rocky9, grub7, false, [grubby, "reboot"]),
      (rocky9, grub7, true, [grubby, "reboot"]),
      ("ID=fedora\nVERSION_ID=41\n", grub7, true, [grubby, "reboot"]),
      (
        "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", true,
        [debianLine, "grub2-mkconfig -o /boot/grub2/grub.cfg", "reboot"]
      ),
      ("ID=debian\n", "", false, [debianLine.replacing("quiet ", with: ""), "update-grub", "reboot"]),
    ] as [(String, String, Bool, [String])])
  func fixes(release: String, grub: String, isUEFI: Bool, fix: [String]) throws {
    let host = try FakeHost(.intel, line: "quiet", groups: 0, release: release, grub: grub)
    if isUEFI { try host.folder("/sys/firmware/efi") }
    #expect(host.check(.iommuKernel)?.fix == fix)
  }

  @Test func withoutGrubItSaysWhatBelongsThere() throws {
    let host = try FakeHost(.intel, line: "intel_iommu=pt", groups: 0, release: "ID=nixos\n")
    host.remove("/etc/default")
    let text = "add intel_iommu=on iommu=pt, remove intel_iommu=pt"
    #expect(
      host.check(.iommuKernel)?.fix
        == ["on the kernel's command line, in your boot loader's configuration: \(text)", "reboot"])
  }

  /// The RHEL 7 guide's word, and its name for GRUB's setting.
  @Test func theGuidesMistakes() throws {
    let host = try FakeHost(
      .intel, line: "intel_iommu=pt", groups: 0, release: Self.rhel7,
      grub: "GRUB_TIMEOUT=5\nGRUB_CMDLINX=\"intel_iommu=on\"\nGRUB_CMDLINE_LINUX=\"quiet intel_iommu=pt\"\n")
    let words = try #require(host.check(.kernelLine))
    #expect(words.verdict == .warning)
    #expect(words.evidence == ["intel_iommu=pt means nothing to the kernel; what is meant is intel_iommu=on iommu=pt"])
    #expect(words.fix[0] == "in /etc/default/grub: GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on iommu=pt\"")
    #expect(host.check(.iommuKernel)?.fix == words.fix)
    let names = try #require(host.check(.grubNames))
    #expect(names.verdict == .warning)
    #expect(
      names.evidence[0] == "/etc/default/grub:2: GRUB_CMDLINX=\"intel_iommu=on\": GRUB reads no GRUB_CMDLINX")
    #expect(names.evidence[1].contains("GRUB_CMDLINE_LINUX=\"quiet intel_iommu=pt\": intel_iommu=pt means nothing"))
    #expect(names.fix[0] == "remove line 2 of /etc/default/grub")
    #expect(names.fix[1] == "in /etc/default/grub: GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on iommu=pt\"")
  }

  @Test func turnedOffByAWord() throws {
    let host = try FakeHost(
      .intel, line: "intel_iommu=off", groups: 0,
      grub: "GRUB_CMDLINE_LINUX=\"intel_iommu=off\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on quiet\"\n")
    let check = try #require(host.check(.iommuKernel))
    #expect(check.evidence == ["the kernel's command line turns it off: intel_iommu=off"])
    #expect(
      check.fix == [
        "in /etc/default/grub: GRUB_CMDLINE_LINUX=\"\"",
        "in /etc/default/grub: GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on quiet iommu=pt\"", "update-grub", "reboot",
      ])
  }

  @Test func grubbyTakesTheWrongWordAway() throws {
    let host = try FakeHost(.intel, line: "intel_iommu=pt", groups: 0, release: Self.rocky9)
    #expect(
      host.check(.iommuKernel)?.fix[0]
        == "grubby --update-kernel=ALL --args=\"intel_iommu=on iommu=pt\" --remove-args=\"intel_iommu=pt\"")
  }

  @Test func harmlessWordsAreNoWarning() throws {
    let check = try #require(FakeHost(.amd, line: "amd_iommu=on iommu=pt").check(.kernelLine))
    #expect(check.verdict == .ok)
    #expect(check.evidence.contains("amd_iommu=on means nothing to the kernel, and does no harm"))
  }

  @Test(arguments: [("", ["update-grub", "reboot"]), ("linux /vmlinuz quiet intel_iommu=on iommu=pt\n", ["reboot"])])
  func whatIsSetButNotYetRunning(generated: String, fix: [String]) throws {
    let host = try FakeHost(
      .intel, line: "quiet", groups: 0, grub: "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\n")
    try host.file("/boot/grub/grub.cfg", generated)
    let pending = try #require(host.check(.grubPending))
    #expect(pending.verdict == .warning)
    #expect(pending.evidence == ["GRUB's settings have intel_iommu=on iommu=pt, the running kernel doesn't"])
    #expect(pending.fix == fix)
    #expect(host.check(.iommuKernel)?.fix == fix)
  }

  @Test func whatRunsButIsNotSet() throws {
    let host = try FakeHost(.intel, grub: "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n")
    let check = try #require(host.check(.grubPending))
    #expect(check.verdict == .warning)
    #expect(check.fix == [Self.debianLine, "update-grub", "reboot"])
    let red = try FakeHost(.intel, release: Self.rocky9, grub: Self.grub7)
    #expect(red.check(.grubPending)?.verdict == .ok)
  }

  // MARK: - Interrupts

  static let unsafe = "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

  @Test func theFirmwareSaysThatItCannotRemap() throws {
    let host = try FakeHost(.intel)
    try host.file("/proc/interrupts", "  24:  1  PCI-MSI 1-edge  nvme0q0\n")
    try host.file("/sys/firmware/acpi/tables/DMAR", bytes: FakeHost.dmar(flags: 0b10))
    let check = try #require(host.check(.interruptRemapping))
    #expect(check.verdict == .fault)
    #expect(check.evidence[0].contains("INTR_REMAP is 0"))
    #expect(check.fix.contains { $0.contains("every guest is trusted") })
    #expect(
      check.fix.suffix(2) == [
        "echo \"options vfio_iommu_type1 allow_unsafe_interrupts=1\" > /etc/modprobe.d/vfio-unsafe-interrupts.conf",
        "echo 1 > \(Self.unsafe)",
      ])
    try host.file(Self.unsafe, "Y\n")
    #expect(host.check(.interruptRemapping)?.verdict == .warning)
    let allowed = try #require(host.check(.unsafeInterrupts))
    #expect(allowed.verdict == .warning)
    #expect(allowed.fix.last == "echo 0 > \(Self.unsafe)")
  }

  @Test func withoutRootTheTableIsUnknown() throws {
    let host = try FakeHost(.intel)
    host.remove("/proc/interrupts")
    #expect(host.check(.interruptRemapping)?.verdict == .ok)
    host.remove("/sys/firmware/acpi/tables/DMAR")
    // Nobody can read a folder as a file; root could read anything else.
    try host.folder("/sys/firmware/acpi/tables/DMAR")
    let check = try #require(host.check(.interruptRemapping, isRoot: false))
    #expect(check.verdict == .unknown)
    #expect(check.evidence == ["can't read /sys/firmware/acpi/tables/DMAR: is a directory"])
    #expect(check.fix == ["run vfpool doctor as root"])
    #expect(host.check(.interruptRemapping)?.fix == [])
  }

  @Test(arguments: ["intremap=off", "nointremap", "intremap=nosid,off"])
  func remappingTurnedOff(word: String) throws {
    let host = try FakeHost(.intel, line: "intel_iommu=on iommu=pt \(word)")
    try host.file("/proc/interrupts", "  24:  1  PCI-MSI 1-edge  nvme0q0\n")
    let check = try #require(host.check(.interruptRemapping))
    #expect(check.verdict == .fault)
    #expect(check.evidence == ["the kernel's command line turns it off: \(word)"])
    #expect(check.fix[0] == Self.debianLine)
  }

  @Test func unsafeInterruptsWithoutNeed() throws {
    let host = try FakeHost(.amd)
    try host.file("/etc/modprobe.d/vfio.conf", "options vfio_iommu_type1 allow_unsafe_interrupts=1\n")
    let check = try #require(host.check(.unsafeInterrupts))
    #expect(check.verdict == .warning)
    #expect(check.evidence.last == "it isn't needed here: the kernel remaps interrupts")
    #expect(
      check.fix == [
        "remove it: /etc/modprobe.d/vfio.conf:1: options vfio_iommu_type1 allow_unsafe_interrupts=1"
      ])
    try host.file("/etc/modprobe.d/vfio.conf", "options vfio_iommu_type1 allow_unsafe_interrupts=0\n")
    #expect(host.check(.unsafeInterrupts)?.verdict == .ok)
  }

  // MARK: - Virtualization, vfio, lockdown

  @Test func virtualizationOffInFirmware() throws {
    let host = try FakeHost(.amd, flags: "lm")
    host.remove("/dev/kvm")
    let check = try #require(host.check(.cpuVirtualization))
    #expect(check.verdict == .warning)
    #expect(check.fix == ["turn on AMD-V (SVM) in the firmware's setup, then switch the host off and on"])
    #expect(host.check(.kvm)?.fix == ["see cpu-virtualization"])
    let loaded = try FakeHost(.intel)
    loaded.remove("/dev/kvm")
    #expect(loaded.check(.kvm)?.fix == ["modprobe kvm_intel"])
  }

  @Test func aKernelWithoutVFIO() throws {
    let host = try FakeHost(.intel)
    try host.file("/lib/modules/6.12.0/modules.dep", "kernel/net/ipv6/ipv6.ko:\n")
    #expect(host.check(.vfioModule)?.verdict == .fault)
    try host.folder("/sys/bus/pci/drivers/vfio-pci")
    #expect(host.check(.vfioModule)?.verdict == .ok)
  }

  @Test func aModuleThatCannotBeLoaded() throws {
    let host = try FakeHost(.intel)
    try host.file("/etc/modprobe.d/x.conf", "blacklist vfio-pci\n")
    #expect(host.check(.vfioModule)?.verdict == .ok)
    try host.file("/etc/modprobe.d/x.conf", "install vfio_pci /bin/false\n")
    let check = try #require(host.check(.vfioModule))
    #expect(check.verdict == .fault)
    #expect(check.evidence[0].hasPrefix("/etc/modprobe.d/x.conf:1: "))
  }

  @Test func vfioWithoutAnIOMMU() throws {
    let host = try FakeHost(.intel, groups: 0)
    try host.folder("/sys/kernel/iommu_groups/0")
    try host.file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n")
    #expect(host.check(.vfioWithoutIOMMU)?.verdict == .warning)
    // Its groups are none of an IOMMU.
    #expect(host.check(.iommuKernel)?.verdict == .fault)
  }

  @Test func lockdownMattersForADriverThatIsMissing() throws {
    let host = try FakeHost(.intel)
    try host.file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    #expect(host.check(.kernelLockdown)?.verdict == .ok)
    try host.pf("enp1s0", at: "0000:01:00.0", driver: nil)
    #expect(host.check(.kernelLockdown)?.verdict == .warning)
    try host.file("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    #expect(host.check(.kernelLockdown)?.verdict == .ok)
  }
}
