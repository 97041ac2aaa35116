/// Where a model's requests go besides its champion: some of them to a canary instead, all of them to a shadow as well.
///
/// A rule is about requests that name no version, or the alias `champion`; a request that names a number or another alias
/// gets what it names.
///
/// Which requests the canary gets is decided by the record's key alone, so that the same key always meets the same version,
/// whichever instance reads it and in a replay too:
///
///     hash   = FNV-1a, 64 bits, over the key's bytes
///     hash   = MurmurHash3's 64-bit finalizer of it
///     bucket = hash mod 10,000
///
/// The canary answers where `bucket < share`. A larger share therefore adds keys and takes none away. The finalizer is
/// there because the low bits of FNV-1a differ too little between keys that differ in their last characters.
public struct TrafficRule: Sendable, Hashable {
    /// A version that answers a share of the keys in the champion's place.
    public struct Canary: Sendable, Hashable {
        public var number: Int
        /// Of 10,000.
        public var share: Int

        public init(number: Int, share: Int) {
            self.number = number
            self.share = share
        }
    }

    /// A version that answers every request too, to a topic of its own: its answers are never results.
    public struct Shadow: Sendable, Hashable {
        public var number: Int
        public var topic: String

        public init(number: Int, topic: String) {
            self.number = number
            self.topic = topic
        }
    }

    /// What shares are counted in: one is 0.01 %.
    public static let bucketCount = 10_000

    public var canary: Canary?
    public var shadow: Shadow?

    public init(canary: Canary? = nil, shadow: Shadow? = nil) {
        self.canary = canary
        self.shadow = shadow
    }

    public var isEmpty: Bool { canary == nil && shadow == nil }

    /// Whether the rule sends anything to this version.
    public func uses(_ number: Int) -> Bool { canary?.number == number || shadow?.number == number }

    /// Whether the canary answers a record.
    /// - Parameters:
    ///   - key: the record's key; nil is null.
    ///   - position: `topic/partition/offset` of the record, which decides when it has no key: it stays the same in a
    ///     replay, but spreads neighbours.
    public func takesCanary(key: ArraySlice<UInt8>?, position: @autoclosure () -> String) -> Bool {
        guard let canary, canary.share > 0 else { return false }
        let bucket = key.map { Self.bucket(of: $0) } ?? Self.bucket(of: position().utf8)
        return bucket < canary.share
    }

    /// In 0 ..< ``bucketCount``.
    ///
    /// FNV-1a: draft-eastlake-fnv, section 2. The finalizer: `fmix64` of Appleby's MurmurHash3.
    public static func bucket(of key: some Sequence<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key {
            hash ^= UInt64(byte)
            hash &*= 0x0000_0100_0000_01B3
        }
        hash ^= hash >> 33
        hash &*= 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        hash &*= 0xC4CE_B9FE_1A85_EC53
        hash ^= hash >> 33
        return Int(hash % UInt64(bucketCount))
    }
}
