import TensorEngine
import Testing

@testable import MillraceCommand

@Suite struct WeightComparisonTests {
    func compare<Element: TensorElement>(_ left: [Element], _ right: [Element]) throws -> WeightComparison? {
        WeightComparison.compare(
            try Tensor(shape: Shape([left.count]), elements: left),
            try Tensor(shape: Shape([right.count]), elements: right))
    }

    @Test func neighboursAreOneApart() throws {
        let value: Float = 0.1
        let found = try #require(try compare([1, value, 3], [1, value.nextUp, 3]))
        #expect(found.differingCount == 1)
        #expect(found.maximumULPs == 1)
        #expect(found.maximumAbsolute == Double(value.nextUp) - Double(value))
        #expect(try compare([2 as Double], [Double(2).nextDown])?.maximumULPs == 1)
    }

    @Test func distancesGoAcrossZero() throws {
        let least = Float.leastNonzeroMagnitude
        #expect(try compare([-least], [least])?.maximumULPs == 2)
        let zeros = try #require(try compare([0.0 as Float], [-0.0]))
        #expect(zeros.differingCount == 1 && zeros.maximumULPs == 0 && zeros.maximumAbsolute == 0)
        let extremes = try compare([-Double.greatestFiniteMagnitude], [Double.greatestFiniteMagnitude])
        #expect(extremes?.maximumULPs == 2 * Double.greatestFiniteMagnitude.bitPattern)
    }

    @Test func equalBitsAreEqual() throws {
        #expect(try compare([Float.nan, 1], [Float.nan, 1])?.isEqual == true)
        #expect(try compare([Float.nan], [1])?.maximumAbsolute.isNaN == true)
    }

    @Test func integersHaveNoUnitsInTheLastPlace() throws {
        let found = try #require(try compare([1, 2, 3] as [Int8], [1, -2, 3]))
        #expect(found.differingCount == 1 && found.maximumAbsolute == 4 && found.maximumULPs == nil)
        #expect(try compare([true, false], [true, true])?.differingCount == 1)
    }

    @Test func otherTypesAndShapesCannotBeCompared() throws {
        let left = try Tensor(shape: Shape([2]), elements: [1, 2] as [Float])
        #expect(WeightComparison.compare(left, try Tensor(shape: Shape([1, 2]), elements: [1, 2] as [Float])) == nil)
        #expect(WeightComparison.compare(left, try Tensor(shape: Shape([2]), elements: [1, 2] as [Double])) == nil)
    }

    @Test(arguments: [
        ("10%", 1000), ("10", 1000), ("0.01", 1), ("0.5%", 50), ("100%", 10_000), ("12.34", 1234), ("0", nil),
        ("100.01", nil), ("1.234", nil), ("-1", nil), ("", nil), ("%", nil), ("1.", nil), (".5", nil), ("1e1", nil),
        ("99999999999999999999", nil),
    ])
    func sharesAreExact(_ text: String, _ expected: Int?) {
        #expect(TrafficText.share(text) == expected)
    }
}
