/// Sorts keys that lie above bit 32 of a word, with 32 bits of payload below; stable, and linear for all but small counts.
final class KeySorter {
    private(set) var keys: UnsafeMutablePointer<UInt64>
    private var spare: UnsafeMutablePointer<UInt64>
    private let counts: UnsafeMutablePointer<Int>
    private let capacity: Int

    private static let digitBits = 11

    init(capacity: Int) {
        self.capacity = capacity
        keys = .allocate(capacity: max(capacity, 1))
        spare = .allocate(capacity: max(capacity, 1))
        counts = .allocate(capacity: 1 << Self.digitBits)
    }

    deinit {
        keys.deallocate()
        spare.deallocate()
        counts.deallocate()
    }

    /// Sorts the first `count` words by their keys, of which no bit beyond `keyBits` is set.
    func sort(count: Int, keyBits: Int) {
        precondition(count <= capacity, "more keys than room")
        if count <= 48 {
            insertionSort(count)
            return
        }
        var shift = 0
        while shift < keyBits {
            pass(count, 32 + shift, bits: min(keyBits - shift, Self.digitBits))
            shift += Self.digitBits
        }
    }

    private func insertionSort(_ count: Int) {
        let keys = keys
        var index = 1
        while index < count {
            let key = keys[index]
            var place = index
            while place > 0, keys[place - 1] >> 32 > key >> 32 {
                keys[place] = keys[place - 1]
                place -= 1
            }
            keys[place] = key
            index += 1
        }
    }

    /// One pass of a radix sort, lowest digit first.
    private func pass(_ count: Int, _ shift: Int, bits: Int) {
        let (keys, spare, counts) = (keys, spare, counts)
        let digitCount = 1 << bits
        let (mask, shift) = (UInt64(digitCount - 1), UInt64(shift))
        counts.initialize(repeating: 0, count: digitCount)
        var index = 0
        while index < count {
            counts[Int(truncatingIfNeeded: keys[index] >> shift & mask)] += 1
            index += 1
        }
        var start = 0
        var digit = 0
        while digit < digitCount {
            let size = counts[digit]
            counts[digit] = start
            start += size
            digit += 1
        }
        index = 0
        while index < count {
            let digit = Int(truncatingIfNeeded: keys[index] >> shift & mask)
            spare[counts[digit]] = keys[index]
            counts[digit] += 1
            index += 1
        }
        swap(&self.keys, &self.spare)
    }
}
