import ModelRegistry
import Serving
import TensorEngine
import TestSupport
import Testing

@Suite struct BatchPlannerTests {
    let start = ContinuousClock.now
    let digits = BatchKey(model: .init(name: "digits", number: 1), rowShapes: [[64]])
    let other = BatchKey(model: .init(name: "digits", number: 2), rowShapes: [[64]])

    func planner(rows: Int = 8, bytes: Int = 1 << 20, delay: Duration = .milliseconds(2)) -> BatchPlanner {
        BatchPlanner(limits: .init(maximumRows: rows, maximumBytes: bytes, maximumDelay: delay))
    }

    func ticket(_ sequence: Int) -> Ticket { Ticket(lane: 0, sequence: sequence) }

    @Test func waitsForCompanyUntilTheOldestRowHasWaitedTheDelay() {
        var planner = planner()
        planner.add(ticket(0), key: digits, rowCount: 1, bytesPerRow: 256, at: start)
        planner.add(ticket(1), key: digits, rowCount: 1, bytesPerRow: 256, at: start + .milliseconds(1))
        #expect(planner.nextDeadline == start + .milliseconds(2))
        #expect(planner.nextBatch(at: start + .microseconds(1999), takesPartial: false) == nil)
        let batch = planner.nextBatch(at: start + .milliseconds(2), takesPartial: false)
        #expect(batch?.slices == [RowSlice(ticket: ticket(0), rows: 0..<1), RowSlice(ticket: ticket(1), rows: 0..<1)])
        #expect(planner.isEmpty)
        #expect(planner.nextDeadline == nil)
    }

    @Test func closesAtTheRowLimitWithoutWaiting() {
        var planner = planner(rows: 4)
        for sequence in 0..<6 {
            planner.add(ticket(sequence), key: digits, rowCount: 1, bytesPerRow: 4, at: start)
        }
        #expect(planner.nextBatch(at: start, takesPartial: false)?.rowCount == 4)
        #expect(planner.nextBatch(at: start, takesPartial: false) == nil)
        #expect(planner.rowCount == 2)
    }

    @Test func closesAtTheByteLimitWithoutWaiting() {
        var planner = planner(rows: 100, bytes: 1000)
        for sequence in 0..<5 {
            planner.add(ticket(sequence), key: digits, rowCount: 1, bytesPerRow: 400, at: start)
        }
        #expect(planner.nextBatch(at: start, takesPartial: false)?.rowCount == 2)
        #expect(planner.nextBatch(at: start, takesPartial: false)?.rowCount == 2)
        #expect(planner.nextBatch(at: start, takesPartial: false) == nil)
    }

    @Test func rowLargerThanTheByteLimitRunsAlone() {
        var planner = planner(rows: 100, bytes: 1000)
        planner.add(ticket(0), key: digits, rowCount: 2, bytesPerRow: 5000, at: start)
        planner.add(ticket(1), key: digits, rowCount: 1, bytesPerRow: 10, at: start)
        #expect(planner.nextBatch(at: start, takesPartial: false)?.slices == [RowSlice(ticket: ticket(0), rows: 0..<1)])
        #expect(planner.nextBatch(at: start, takesPartial: false)?.slices == [RowSlice(ticket: ticket(0), rows: 1..<2)])
    }

    @Test func withABacklogNothingWaits() {
        var planner = planner()
        planner.add(ticket(0), key: digits, rowCount: 1, bytesPerRow: 4, at: start)
        #expect(planner.nextBatch(at: start, takesPartial: true)?.rowCount == 1)
        #expect(planner.nextBatch(at: start, takesPartial: true) == nil)
    }

    @Test func splitsRequestsLargerThanABatchInRowOrder() {
        var planner = planner(rows: 4)
        planner.add(ticket(0), key: digits, rowCount: 3, bytesPerRow: 4, at: start)
        planner.add(ticket(1), key: digits, rowCount: 10, bytesPerRow: 4, at: start)
        var slices: [RowSlice] = []
        var sizes: [Int] = []
        while let batch = planner.nextBatch(at: start + .seconds(1), takesPartial: false) {
            slices += batch.slices
            sizes.append(batch.rowCount)
        }
        #expect(sizes == [4, 4, 4, 1])
        #expect(slices.filter { $0.ticket == ticket(1) }.map(\.rows) == [0..<1, 1..<5, 5..<9, 9..<10])
    }

    @Test func neverMixesVersionsOrRowShapes() {
        var planner = planner(rows: 100)
        let wide = BatchKey(model: digits.model, rowShapes: [[65]])
        for (sequence, key) in [digits, other, wide, digits, other, wide].enumerated() {
            planner.add(ticket(sequence), key: key, rowCount: 1, bytesPerRow: 4, at: start)
        }
        var keys: [BatchKey: [Int]] = [:]
        while let batch = planner.nextBatch(at: start + .seconds(1), takesPartial: false) {
            #expect(keys[batch.key] == nil)
            keys[batch.key] = batch.slices.map(\.ticket.sequence)
        }
        #expect(keys == [digits: [0, 3], other: [1, 4], wide: [2, 5]])
    }

    @Test func oldestGroupGoesFirst() {
        var planner = planner(rows: 1)
        planner.add(ticket(0), key: other, rowCount: 1, bytesPerRow: 4, at: start + .milliseconds(1))
        planner.add(ticket(1), key: digits, rowCount: 1, bytesPerRow: 4, at: start)
        #expect(planner.nextBatch(at: start + .seconds(1), takesPartial: false)?.key == digits)
    }

    @Test func forgetsRevokedRows() {
        var planner = planner(rows: 10)
        planner.add(Ticket(lane: 0, sequence: 0), key: digits, rowCount: 3, bytesPerRow: 4, at: start)
        planner.add(Ticket(lane: 1, sequence: 0), key: digits, rowCount: 2, bytesPerRow: 4, at: start)
        planner.removeAll { $0.lane == 0 }
        #expect(planner.rowCount == 2)
        let batch = planner.nextBatch(at: start + .seconds(1), takesPartial: false)
        #expect(batch?.slices == [RowSlice(ticket: Ticket(lane: 1, sequence: 0), rows: 0..<2)])
        #expect(planner.isEmpty)
    }

    @Test(arguments: 0..<20) func everyRowRunsExactlyOnce(seed: UInt64) {
        var random = SplitMix64(state: seed)
        var planner = planner(rows: Int.random(in: 1...40, using: &random), bytes: 4000)
        var expected: [Int: Int] = [:]
        var covered: [Int: [Range<Int>]] = [:]
        var now = start
        var sequence = 0
        while sequence < 200 || !planner.isEmpty {
            if sequence < 200 {
                let rows = Int.random(in: 1...60, using: &random)
                let key = Bool.random(using: &random) ? digits : other
                planner.add(ticket(sequence), key: key, rowCount: rows, bytesPerRow: 256, at: now)
                expected[sequence] = rows
                sequence += 1
            }
            now += .microseconds(Int.random(in: 0...900, using: &random))
            while let batch = planner.nextBatch(at: now, takesPartial: Bool.random(using: &random)) {
                #expect((1...planner.limits.maximumRows).contains(batch.rowCount))
                for slice in batch.slices { covered[slice.ticket.sequence, default: []].append(slice.rows) }
            }
        }
        for (sequence, rows) in expected {
            let ranges = covered[sequence] ?? []
            #expect(ranges.first?.lowerBound == 0)
            #expect(ranges.last?.upperBound == rows)
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        }
    }
}
