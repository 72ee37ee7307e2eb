import Testing

@testable import Netlink

@Suite struct VFTableTests {
  @Test func valuesComeInAnyOrder() {
    let table: VFTable = [3: "d", 0: "a", 2: "c", 7: "h"]
    #expect(table.count == 4)
    #expect(table.keys == [0, 2, 3, 7])
    #expect(table[3] == "d")
    #expect(table[1] == nil)
    #expect(table[-1] == nil)
    #expect(table.map(\.value) == ["a", "c", "d", "h"])
    #expect(table == [0: "a", 2: "c", 3: "d", 7: "h"])
    #expect(VFTable<String>().isEmpty)
  }

  @Test func aGapThatIsFilledLeavesNoTrace() {
    var table: VFTable = [0: "a", 2: "c", 3: "d"]
    let inserted = table.insert("b", at: 1)
    #expect(inserted)
    #expect(table == [0: "a", 1: "b", 2: "c", 3: "d"])
  }

  @Test(arguments: [0, 2]) func theFirstOfAnIndexStays(index: Int) {
    var table: VFTable = [0: "a", 2: "c"]
    let inserted = table.insert("z", at: index)
    #expect(!inserted)
    #expect(table == [0: "a", 2: "c"])
  }

  @Test func cuttingAndMerging() {
    var table: VFTable = [0: "a", 1: "b", 2: "c", 5: "f"]
    table.cut(to: 2)
    #expect(table == [0: "a", 1: "b"])
    table.merge([1: "z", 2: "c", 9: "j"])
    #expect(table == [0: "a", 1: "b", 2: "c", 9: "j"])
  }

  @Test func readingInPlace() {
    var steps: [(String, VFTable<String>.Found)] = [
      ("a", .value(at: 0)), ("-", .nothing), ("c", .value(at: 2)), ("y", .value(at: 0)), ("z", .value(at: 2)),
      ("b", .value(at: 1)), ("-", .end),
    ]
    let table = VFTable(room: 7, blank: "blank") { value in
      #expect(value == "blank")
      let (text, found) = steps.removeFirst()
      value = text
      return found
    }
    #expect(table == [0: "a", 1: "b", 2: "c"])
    #expect(steps.isEmpty)
  }
}
