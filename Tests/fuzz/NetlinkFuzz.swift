import Clibnl
import Glibc
import PoolModel

/// Called by libFuzzer with each input; what isn't as it should be ends the process.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = input.first else { return 0 }
  FuzzInput(kind: first, bytes: Array(input.dropFirst())).run()
  return 0
}

/// Called by libFuzzer once. With VFPOOL_FUZZ_SEEDS the recorded messages are written into that folder, and that is all.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<Int32>?, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  guard let folder = getenv("VFPOOL_FUZZ_SEEDS") else { return 0 }
  for (number, seed) in FuzzInput.seeds.enumerated() {
    guard let file = fopen("\(String(cString: folder))/\(number)", "w") else { exit(1) }
    fwrite(seed, 1, seed.count, file)
    fclose(file)
  }
  exit(0)
}
