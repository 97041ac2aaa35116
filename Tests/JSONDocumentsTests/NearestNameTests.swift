import JSONDocuments
import Testing

@Suite struct NearestNameTests {
    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("port", "prot", 1), ("abc", "abc", 0), ("", "abc", 3),
        ("ca", "abc", 3),
    ])
    func `edit distance`(left: String, right: String, distance: Int) {
        #expect(NearestName.distance(left, right) == distance)
        #expect(NearestName.distance(right, left) == distance)
    }

    @Test func `the nearest name is near`() {
        #expect(NearestName.nearest(to: "Delivary", among: ["delivery", "bindings"]) == "delivery")
        #expect(NearestName.nearest(to: "qqqqqqqqqqqq", among: ["delivery", "bindings"]) == nil)
        #expect(NearestName.nearest(to: "x", among: []) == nil)
    }
}
