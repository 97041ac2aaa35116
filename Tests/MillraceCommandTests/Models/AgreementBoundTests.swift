import Testing

@testable import MillraceCommand

@Suite struct AgreementBoundTests {
    @Test func `a topic alone means everything that was answered`() throws {
        let bound = try #require(AgreementBound(argument: "requests>=99.5%"))
        #expect(bound.topic == "requests" && bound.partitions == nil && bound.from == .earliest && bound.to == nil)
        #expect(bound.least == 0.995)
    }

    @Test func `partitions and bounds narrow it`() throws {
        let bound = try #require(AgreementBound(argument: "a.b-c_d/0,2@100..2026-03-01T00:00:00.5Z≥0.9"))
        #expect(bound.topic == "a.b-c_d" && bound.partitions?.numbers == [0, 2])
        #expect(bound.from == .offset(100) && bound.least == 0.9)
        guard case .time = bound.to else {
            Issue.record("\(String(describing: bound.to))")
            return
        }
        #expect(AgreementBound(argument: "r@earliest..latest>=1")?.to == .latest)
    }

    @Test(arguments: [
        "", "requests", "requests>=", ">=0.9", "requests>0.9", "requests>=1.01", "requests>=101%", "requests>=-1",
        "requests>=nan", "requests>=0x1p-1", "requests>=0.9>=0.8", "requests/>=0.9", "requests/a>=0.9", "r/0/1>=0.9",
        "r@>=0.9", "r@1>=0.9", "r@1..>=0.9", "r@..2>=0.9", "r@1..2..3>=0.9", "r@2026-03-01..latest>=0.9",
        "r@1..2@3..4>=0.9",
    ])
    func `anything else is refused`(_ text: String) { #expect(AgreementBound(argument: text) == nil) }
}
