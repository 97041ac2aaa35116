import KafkaClient
import Testing

@testable import MillraceCommand

/// Every scenario against logs of every shape, without a broker.
@Suite struct OffsetPlanTests {
    static let partition = TopicPartition(topic: "requests", partition: 0)

    private func entry(
        _ scenario: ResetScenario, committed: Int64? = 50, start: Int64 = 10, end: Int64 = 100, atTime: Int64? = nil
    ) throws -> OffsetPlan.Entry {
        let facts = PartitionFacts(
            committed: committed, bounds: LogBounds(start: start, end: end), atTime: atTime)
        return try #require(try OffsetPlan(scenario, [Self.partition: facts]).entries.first)
    }

    @Test func `the ends of the log, also where nothing is committed`() throws {
        #expect(try entry(.earliest).target == 10)
        #expect(try entry(.latest).target == 100)
        #expect(try entry(.earliest, committed: nil, start: 0, end: 0).target == 0)
        #expect(try entry(.latest, committed: nil, start: 0, end: 0).target == 0)
    }

    @Test(
        arguments: [
            (50, 50, nil), (10, 10, nil), (100, 100, nil), (9, 10, .belowStart(9)), (101, 100, .aboveEnd(101)),
            (-1, 10, .belowStart(-1)), (.max, 100, .aboveEnd(.max)), (.min, 10, .belowStart(.min)),
        ] as [(Int64, Int64, OffsetPlan.Remark?)])
    func `an offset outside of the log becomes its nearest end`(
        asked: Int64, target: Int64, remark: OffsetPlan.Remark?
    ) throws {
        for scenario in [ResetScenario.offset(asked), .listed([Self.partition: asked])] {
            let found = try entry(scenario)
            #expect(found.target == target)
            #expect(found.remark == remark)
        }
    }

    @Test(
        arguments: [
            (0, 50, nil), (7, 57, nil), (-7, 43, nil), (50, 100, nil), (-40, 10, nil), (51, 100, .aboveEnd(101)),
            (-41, 10, .belowStart(9)), (.max, 100, .aboveEnd(.max)), (.min, 10, .belowStart(.min + 50)),
        ] as [(Int64, Int64, OffsetPlan.Remark?)])
    func `a shift stays within the log`(distance: Int64, target: Int64, remark: OffsetPlan.Remark?) throws {
        let found = try entry(.shift(distance))
        #expect(found.target == target)
        #expect(found.remark == remark)
    }

    @Test func `a shift that overflows is a shift past the end`() throws {
        #expect(try entry(.shift(.max), committed: .max, end: 100).target == 100)
        #expect(try entry(.shift(.min), committed: 0, start: 10).target == 10)
    }

    @Test func `a shift needs something committed`() {
        let error = #expect(throws: CommandFailure.self) { try entry(.shift(1), committed: nil) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains("requests/0") == true)
    }

    @Test func `current stays where it is, even outside of the log`() throws {
        #expect(try entry(.current).target == 50)
        let below = try entry(.current, committed: 3)
        #expect(below.target == 3 && below.remark == .outsideLog)
        let above = try entry(.current, committed: 200)
        #expect(above.target == 200 && above.remark == .outsideLog)
        let none = try entry(.current, committed: nil)
        #expect(none.target == 100 && none.remark == .notCommitted)
    }

    @Test func `a time is the first record since, else the end`() throws {
        #expect(try entry(.time(0), atTime: 42).target == 42)
        #expect(try entry(.time(0), atTime: 42).remark == nil)
        let none = try entry(.time(0), atTime: nil)
        #expect(none.target == 100 && none.remark == .noRecordSince)
    }

    @Test func `a partition that the file lacks is an error`() {
        #expect(throws: CommandFailure.self) { try entry(.listed([:])) }
    }

    @Test func `entries are in order and targets complete`() throws {
        let partitions = [3, 0, 2].map { TopicPartition(topic: "b", partition: $0) } + [Self.partition]
        let facts = PartitionFacts(committed: nil, bounds: LogBounds(start: 4, end: 9), atTime: nil)
        let plan = try OffsetPlan(.earliest, Dictionary(uniqueKeysWithValues: partitions.map { ($0, facts) }))
        #expect(plan.entries.map(\.partition) == partitions.sorted())
        #expect(plan.targets == Dictionary(uniqueKeysWithValues: partitions.map { ($0, 4) }))
    }
}
