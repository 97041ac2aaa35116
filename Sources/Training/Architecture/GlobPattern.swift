/// A pattern of names: `*` is any text, `?` any one character, everything else itself.
struct GlobPattern: Sendable, Hashable {
    let text: String
    private let characters: [Character]

    init(_ text: String) {
        self.text = text
        characters = Array(text)
    }

    /// In time of at most the product of the two lengths.
    func matches(_ name: String) -> Bool {
        let name = Array(name)
        var (place, position) = (0, 0)
        // Where the last star is, and up to where it has taken the name: it takes more when what follows fails.
        var star: Int?
        var taken = 0
        while position < name.count {
            if place < characters.count, characters[place] == "*" {
                star = place
                taken = position
                place += 1
            } else if place < characters.count, characters[place] == "?" || characters[place] == name[position] {
                place += 1
                position += 1
            } else if let star {
                taken += 1
                place = star + 1
                position = taken
            } else {
                return false
            }
        }
        return characters[place...].allSatisfy { $0 == "*" }
    }
}
