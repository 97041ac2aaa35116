import ModelRegistry
import Testing

@Suite struct TrafficRuleTests {
    /// The buckets are part of the format: replays and other implementations depend on them. The expected values come from
    /// the definition, computed in Python.
    @Test(arguments: [("", 4342), ("a", 8315), ("customer-1", 762), ("customer-2", 6435), ("é", 2043)])
    func bucketsNeverChange(_ key: String, _ bucket: Int) {
        #expect(TrafficRule.bucket(of: key.utf8) == bucket)
    }

    @Test func sharesAreWhatTheySay() {
        let keys = (0..<100_000).map { ArraySlice("customer-\($0)".utf8) }
        for share in [1, 100, 1000, 5000, 10_000] {
            let rule = TrafficRule(canary: .init(number: 2, share: share))
            let taken = keys.count { rule.takesCanary(key: $0, position: "") }
            // Five standard deviations of the binomial distribution.
            let probability = Double(share) / 10_000
            let tolerance = 5 * (100_000 * probability * (1 - probability)).squareRoot()
            #expect(abs(Double(taken) - 100_000 * probability) <= tolerance, "share \(share): \(taken)")
        }
    }

    @Test func largerSharesOnlyAddKeys() {
        let (small, large) = (
            TrafficRule(canary: .init(number: 2, share: 500)), TrafficRule(canary: .init(number: 2, share: 1500))
        )
        for number in 0..<10_000 {
            let key = ArraySlice("key-\(number)".utf8)
            guard small.takesCanary(key: key, position: "") else { continue }
            #expect(large.takesCanary(key: key, position: ""))
        }
    }

    @Test func recordsWithoutKeysGoByTheirPosition() {
        let rule = TrafficRule(canary: .init(number: 2, share: 5000))
        let taken = (0..<10_000).count { rule.takesCanary(key: nil, position: "requests/0/\($0)") }
        #expect((4700...5300).contains(taken))
        #expect(
            rule.takesCanary(key: nil, position: "requests/0/1")
                == rule.takesCanary(key: ArraySlice("requests/0/1".utf8), position: "other"))
    }

    @Test func noCanaryTakesNothing() {
        #expect(!TrafficRule().takesCanary(key: [1], position: "a/0/0"))
        #expect(!TrafficRule(shadow: .init(number: 1, topic: "t")).takesCanary(key: [1], position: "a/0/0"))
    }
}
