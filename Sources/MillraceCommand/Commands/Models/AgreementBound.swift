import ArgumentParser

/// `requests/0,1@earliest..latest>=99.5%`: a range of answered requests, and how many rows of it have to agree.
struct AgreementBound: Sendable, Equatable, ExpressibleByArgument {
    let topic: String
    /// Nil is all.
    let partitions: PartitionNumbers?
    let from: OffsetBound
    /// Nil is what the service has answered.
    let to: OffsetBound?
    /// A share: 0 to 1.
    let least: Double

    init?(argument: String) {
        let sides = argument.replacing("≥", with: ">=").split(separator: ">=", omittingEmptySubsequences: false)
        guard sides.count == 2, let least = Self.share(sides[1]) else { return nil }
        let parts = sides[0].split(separator: "@", omittingEmptySubsequences: false)
        let place = (parts.first ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...2).contains(place.count), let topic = place.first, !topic.isEmpty,
            topic.utf8.count <= 249
        else { return nil }
        self.topic = String(topic)
        if place.count == 2 {
            guard let partitions = PartitionNumbers(argument: String(place[1])) else { return nil }
            self.partitions = partitions
        } else {
            partitions = nil
        }
        if parts.count == 2 {
            let bounds = parts[1].split(separator: "..", omittingEmptySubsequences: false)
            guard bounds.count == 2, let from = OffsetBound(argument: String(bounds[0])),
                let to = OffsetBound(argument: String(bounds[1]))
            else { return nil }
            (self.from, self.to) = (from, to)
        } else {
            (from, to) = (.earliest, nil)
        }
        self.least = least
    }

    /// `0.995` or `99.5%`.
    private static func share(_ text: Substring) -> Double? {
        let isPercent = text.hasSuffix("%")
        let digits = isPercent ? text.dropLast() : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }),
            let number = Double(String(digits))
        else { return nil }
        let share = isPercent ? number / 100 : number
        return (0...1).contains(share) ? share : nil
    }
}
