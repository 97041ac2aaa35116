public import KafkaClient

/// Folds records into a ``RegistryState`` and survives those that it cannot read.
///
/// From the first unreadable record on the state stays as it was; what comes after waits, one record a key. A readable
/// record, or a tombstone, of the unreadable one's key takes its place, and the fold goes on. So a damaged record is
/// repaired by writing its key again, and one of a newer format by a newer program; meanwhile ``failure`` says what is wrong.
public struct RegistryFold: Sendable {
    public private(set) var state = RegistryState()
    /// Why the state is behind the topic; nil while it is not.
    public private(set) var failure: RegistryLogError?
    private var waiting: [ArraySlice<UInt8>?: KafkaRecord] = [:]

    public init() {}

    /// - Parameter records: in the order of their offsets, following those taken before.
    public mutating func take(_ records: some Sequence<KafkaRecord>) {
        for record in records { waiting[record.key] = record }
        failure = nil
        for record in waiting.values.sorted(by: { $0.offset < $1.offset }) {
            do throws(RegistryLogError) {
                try state.apply(record)
                waiting[record.key] = nil
            } catch {
                failure = error
                return
            }
        }
    }
}
