import Testing

@testable import HostConfig

struct InstalledFilesTests {
  @Test(arguments: [
    ("/usr/bin/vfpool", "/usr"), ("/usr/sbin/vfpoold", "/usr"), ("/usr/local/bin/vfpool", "/usr/local"),
    ("/opt/vfpool/sbin/vfpoold", "/opt/vfpool"), ("/src/.build/release/vfpool", "/usr"), ("", "/usr"),
  ])
  func whereAProgramIsTheOthersAre(program: String, prefix: String) {
    #expect(InstalledFiles.prefix(ofProgram: program) == prefix)
  }
}
