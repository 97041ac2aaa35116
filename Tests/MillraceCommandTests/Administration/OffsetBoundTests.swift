import Testing

@testable import MillraceCommand

@Suite struct OffsetBoundTests {
    @Test func offsetsTimesAndEnds() {
        #expect(OffsetBound(argument: "0") == .offset(0))
        #expect(OffsetBound(argument: "9223372036854775807") == .offset(.max))
        #expect(OffsetBound(argument: "2026-03-01T00:00:00Z") == .time(1_772_323_200_000))
        #expect(OffsetBound(argument: "2026-03-01T01:00:00.5+01:00") == .time(1_772_323_200_500))
        #expect(OffsetBound(argument: "earliest") == .earliest)
        #expect(OffsetBound(argument: "latest") == .latest)
    }

    @Test(arguments: ["", "-1", "+1", "1.5", "9223372036854775808", "2026-03-01", "2026-03-01T00:00:00", "yesterday"])
    func anythingElseIsRefused(text: String) {
        #expect(OffsetBound(argument: text) == nil)
    }

    @Test func partitionNumbers() {
        #expect(PartitionNumbers(argument: "0,2,2,5")?.numbers == [0, 2, 5])
        for text in ["", "a", "1,,2", "-1", "1,", "2147483648"] { #expect(PartitionNumbers(argument: text) == nil) }
    }
}
