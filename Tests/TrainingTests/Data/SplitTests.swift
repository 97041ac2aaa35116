import JSONDocuments
import TensorEngine
import Testing

@testable import Training

@Suite struct SplitTests {
    private func expectPartition(_ plan: SplitPlan, rows: Int) {
        var held: [Int] = []
        for fold in 0..<plan.foldCount {
            let split = plan.split(fold)
            #expect((split.training + split.validation).sorted() == Array(0..<rows))
            held += split.validation
        }
        #expect(held.sorted() == Array(0..<rows))
    }

    @Test(arguments: [SplitSpec.Assignment.permutation, .hash])
    func foldsHoldEachRowOutOnce(assignment: SplitSpec.Assignment) throws {
        let data = try dataset(records(203, classes: 3), classes: 3)
        let plan = try SplitPlan(SplitSpec(.kFold(5), assignment: assignment), data, seed: 9)
        #expect(plan.foldCount == 5)
        expectPartition(plan, rows: 203)
        let sizes = (0..<5).map { plan.split($0).validation.count }
        if assignment == .permutation {
            #expect(sizes.sorted() == [40, 40, 41, 41, 41])
        } else {
            // Five standard deviations of a binomial distribution.
            #expect(sizes.allSatisfy { abs(Double($0) - 40.6) < 28.5 })
        }
        let again = try SplitPlan(SplitSpec(.kFold(5), assignment: assignment), data, seed: 9)
        let other = try SplitPlan(SplitSpec(.kFold(5), assignment: assignment), data, seed: 10)
        #expect((0..<5).allSatisfy { plan.split($0) == again.split($0) })
        #expect((0..<5).contains { plan.split($0) != other.split($0) })
    }

    @Test func hashesStayWhereTheyAreWhenRowsAreAdded() throws {
        let few = try dataset(records(300, classes: 2), classes: 2)
        let shifted = Array(records(900, classes: 2)[100...])
        let many = try dataset(shifted + records(500, classes: 2, partition: 1), classes: 2)
        for method in [SplitSpec.Method.kFold(7), .holdOut(fraction: 0.25)] {
            let spec = SplitSpec(method, assignment: .hash)
            let (left, right) = (try SplitPlan(spec, few, seed: 3), try SplitPlan(spec, many, seed: 3))
            for fold in 0..<left.foldCount {
                let before = Set(left.split(fold).validation.map { few.provenance($0) })
                let after = Set(right.split(fold).validation.map { many.provenance($0) })
                for row in 100..<300 {
                    #expect(before.contains(few.provenance(row)) == after.contains(few.provenance(row)))
                }
            }
        }
        // What is pinned here must not change: instances agree on folds without talking.
        let folds = (0..<12).map { SplitPlan.fold(.record(partition: 2, offset: Int64($0)), of: 5, seed: 1) }
        #expect(folds == pinnedFolds)
    }

    private let pinnedFolds = [2, 0, 1, 3, 4, 4, 0, 0, 3, 2, 0, 1]

    @Test func stratifiedFoldsKeepProportions() throws {
        // 10 % of class 1, 30 % of class 2.
        let examples = records(200, classes: 10).map { example in
            var example = example
            if case .index(let index) = example.label { example.label = .index(index == 0 ? 1 : index < 4 ? 2 : 0) }
            return example
        }
        let data = try dataset(examples, classes: 3)
        let plan = try SplitPlan(SplitSpec(.kFold(4), isStratified: true), data, seed: 1)
        expectPartition(plan, rows: 200)
        for fold in 0..<4 { #expect(data.classCounts(plan.split(fold).validation) == [30, 5, 15]) }
        #expect(plan.warnings.isEmpty)
        // Six rows of each class: what is left over goes to other folds in each class.
        let small = try dataset(records(18, classes: 3), classes: 3)
        let dealt = try SplitPlan(SplitSpec(.kFold(4), isStratified: true), small, seed: 1)
        #expect((0..<4).map { dealt.split($0).validation.count }.sorted() == [4, 4, 5, 5])
        for fold in 0..<4 {
            #expect(small.classCounts(dealt.split(fold).validation).allSatisfy { (1...2).contains($0) })
        }
        let held = try SplitPlan(SplitSpec(.holdOut(fraction: 0.1), isStratified: true), data, seed: 1)
        #expect(data.classCounts(held.split(0).validation) == [12, 2, 6])
    }

    @Test func smallClassesAreToldOfOrRefused() throws {
        var examples = records(30, classes: 2)
        examples[4].label = .index(2)
        let data = try dataset(examples, classes: 3)
        let plan = try SplitPlan(SplitSpec(.kFold(4), isStratified: true), data, seed: 1)
        #expect(plan.warnings == ["class \"2\" has 1 rows, fewer than the 4 folds: some folds have none of it"])
        #expect(
            message { _ = try SplitPlan(SplitSpec(.holdOut(fraction: 0.2), isStratified: true), data, seed: 1) }
                == "class \"2\" has 1 row, expected at least 2 for a stratified hold-out")
        #expect(
            message { _ = try SplitPlan(SplitSpec(.kFold(20), isStratified: true), data, seed: 1) }
                == "the largest class has 15 rows, expected at least one for each of 20 folds")
    }

    @Test func oneIsLeftOutAtATime() throws {
        let data = try dataset(records(6, classes: 2), classes: 2)
        let plan = try SplitPlan(SplitSpec(.leaveOneOut), data, seed: 0)
        expectPartition(plan, rows: 6)
        #expect(plan.split(4).validation == [4])
        #expect(
            message { _ = try SplitPlan(SplitSpec(.kFold(7)), data, seed: 0) }
                == "found 6 rows for 7 folds, expected at least one a fold")
        let none = try SplitPlan(SplitSpec(.none), data, seed: 0)
        #expect(none.split(0) == Split(training: Array(0..<6), validation: []))
        #expect(
            message { _ = try SplitPlan(SplitSpec(.holdOut(fraction: 0.01)), data, seed: 0) }
                == "holding out 0.01 of 6 rows leaves 6 to train on and 0 to judge by, expected some of each")
    }

    @Test(arguments: [
        (
            "{\"method\": \"kfold\"}",
            "split.method: found \"kfold\", expected \"hold_out\", \"k_fold\", \"leave_one_out\", \"none\"; did you mean \"k_fold\"?"
        ),
        ("{\"method\": \"k_fold\", \"folds\": 1}", "split.folds: found 1, expected 2 to 1000000"),
        ("{\"method\": \"hold_out\", \"fraction\": 1}", "split.fraction: found 1.0, expected a number between 0 and 1"),
        ("{\"method\": \"leave_one_out\", \"folds\": 3}", "split: unknown member \"folds\""),
        (
            "{\"method\": \"k_fold\", \"assignment\": \"hash\", \"stratified\": true}",
            "split.stratified: a row's hash knows nothing of the other rows' classes: expected the assignment \"permutation\""
        ),
    ])
    func mistakesInSpecsAreNamed(json: String, expected: String) {
        #expect(message { _ = try SplitSpec(JSONCursor(try JSONValue(parsing: json), path: "split")) } == expected)
    }

    @Test func specsAreReadAndWritten() throws {
        for spec in [
            SplitSpec(.none), SplitSpec(.leaveOneOut), SplitSpec(.kFold(3), assignment: .hash),
            SplitSpec(.holdOut(fraction: 0.3), isStratified: true),
        ] {
            #expect(try SplitSpec(JSONCursor(spec.json)) == spec)
        }
    }

    @Test func batchesCoverAnEpochInItsOwnOrder() {
        let schedule = BatchSchedule(Array(5..<28), batchSize: 5, seed: 4)
        #expect(schedule.batchCount == 5)
        let batches = schedule.batches(epoch: 2)
        #expect(batches.map(\.count) == [5, 5, 5, 5, 3])
        #expect(batches.flatMap { $0 }.sorted() == Array(5..<28))
        #expect(schedule.order(epoch: 2) == schedule.order(epoch: 2))
        #expect(schedule.order(epoch: 2) != schedule.order(epoch: 3))
        #expect(BatchSchedule([1, 2, 3], batchSize: 2, seed: 0, shuffles: false).batches(epoch: 9) == [[1, 2], [3]])
        #expect(BatchSchedule([1, 2, 3], batchSize: 2, seed: 0, dropsLast: true).batches(epoch: 0).count == 1)
    }

    @Test func batchesHaveLabelsAndWeights() throws {
        var examples = records(8, classes: 4)
        for index in examples.indices where index % 4 == 3 { examples[index].label = .index(0) }
        examples[2].weight = 0.5
        let data = try dataset(examples, classes: 4)
        #expect(try data.labelTensor([1, 3, 6]).elements(as: Int64.self) == [1, 0, 2])
        #expect(try data.weightTensor([1, 2]).elements(as: Float.self) == [1, 0.5])
        #expect(try data.balancedClassWeights(0..<8) == [8 / 12.0, 8 / 6.0, 8 / 6.0, 0])
        let numbers = try InMemoryDataset(
            DatasetSchema(
                features: [.init(name: "x", kind: .number)], label: .init(names: ["u", "v"], kind: .numbers)),
            examples: (0..<3).map { row in
                Example(numbers: [0], label: .numbers([Float(row), -Float(row)]), provenance: .row(row))
            })
        let labels = try numbers.labelTensor([2, 1])
        #expect(labels.shape == [2, 2])
        #expect(try labels.elements(as: Float.self) == [2, -2, 1, -1])
        #expect(message { _ = try numbers.balancedClassWeights([0]) } == "label: only classes have balanced weights")
    }
}
