import Glibc
import KafkaClient
import Synchronization

/// The mapped file of a ``CrashJournal``.
///
/// Little-endian: magic, slot count, slot capacity, suspect count, length of the topic names; the topic names, each ended
/// by a line feed, padded; the suspects; the slots, each a count and its entries. An entry is a topic's position (4
/// bytes), a partition (4), an offset (8) and, for a suspect, its deaths (8).
final class JournalFile: @unchecked Sendable {
    struct Layout: Equatable {
        let slotCount: Int
        let slotCapacity: Int

        /// As many as one process can leave behind, within reason.
        var suspectCapacity: Int { min(slotCount * slotCapacity, 65_536) }
        var topicsOffset: Int { 64 }
        var suspectsOffset: Int { topicsOffset + JournalFile.topicBytes }
        var slotsOffset: Int { suspectsOffset + suspectCapacity * 24 }
        var slotStride: Int { 16 + slotCapacity * 16 }
        var byteCount: Int { slotsOffset + slotCount * slotStride }
    }

    static let topicBytes = 64 << 10
    /// "MLRJRNL1".
    private static let magic: UInt64 = 0x314C_4E52_4A52_4C4D
    private static let maximumFileBytes = 1 << 30

    let layout: Layout
    private let topicIndex: [String: Int]
    private let memory: UnsafeMutableRawPointer
    private let descriptor: Int32
    /// Guards the unmapping; the stores themselves go to slots that one job owns, and to the suspects one at a time.
    private let isOpen = Mutex(true)

    private init(layout: Layout, topics: [String], memory: UnsafeMutableRawPointer, descriptor: Int32) {
        self.layout = layout
        self.topicIndex = Dictionary(topics.enumerated().map { ($1, $0) }) { first, _ in first }
        self.memory = memory
        self.descriptor = descriptor
    }

    deinit { close() }

    /// Locks and reads what is there, then lays the file out anew.
    static func open(
        path: String, topics: [String], layout: Layout
    ) throws(JournalError) -> (file: JournalFile, suspects: [(RecordPosition, Int)], slots: [[RecordPosition]]) {
        func failure(_ action: String) -> JournalError {
            JournalError(path: path, reason: "\(action): \(String(cString: strerror(errno)))")
        }
        let names = Array(topics.joined(separator: "\n").utf8)
        guard names.count <= topicBytes, layout.byteCount <= maximumFileBytes else {
            throw JournalError(path: path, reason: "would take \(layout.byteCount) bytes; lower batching.maximum-rows")
        }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be opened") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw JournalError(path: path, reason: "is in use: another process has the same instance-id")
        }
        do throws(JournalError) {
            let old = try read(descriptor, path: path)
            guard ftruncate(descriptor, 0) == 0, ftruncate(descriptor, off_t(layout.byteCount)) == 0 else {
                throw failure("cannot be resized")
            }
            guard let memory = mmap(nil, layout.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
                memory != MAP_FAILED
            else { throw failure("cannot be mapped") }
            // The magic last: a process killed before it leaves a file in which nothing was ever marked.
            let header: [UInt64] = [UInt64(layout.slotCount), UInt64(layout.slotCapacity), 0, UInt64(names.count)]
            header.withUnsafeBytes {
                (memory + 8).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
            }
            names.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress {
                    (memory + layout.topicsOffset).copyMemory(from: start, byteCount: bytes.count)
                }
            }
            memory.storeBytes(of: magic, as: UInt64.self)
            let file = JournalFile(layout: layout, topics: topics, memory: memory, descriptor: descriptor)
            return (file, old.suspects, old.slots)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    // MARK: Reading what an earlier process left

    private static func read(
        _ descriptor: Int32, path: String
    ) throws(JournalError) -> (suspects: [(RecordPosition, Int)], slots: [[RecordPosition]]) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return ([], []) }
        let size = Int(status.st_size)
        guard size <= maximumFileBytes else {
            throw JournalError(path: path, reason: "found \(size) bytes, expected at most \(maximumFileBytes)")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < size {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + done }, size - done, off_t(done))
            }
            guard count > 0 else {
                throw JournalError(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
            }
            done += count
        }
        let reader = JournalReader(bytes: bytes)
        guard !reader.isUnfinished else { return ([], []) }
        guard let content = reader.content(magic: magic) else {
            throw JournalError(
                path: path, reason: "is not a state file of this version; remove it to start without one")
        }
        return content
    }

    // MARK: Marks

    func writeSlot(_ slot: Int, _ positions: some Collection<RecordPosition>) {
        isOpen.withLock { isOpen in
            guard isOpen, slot < layout.slotCount else { return }
            let start = memory + layout.slotsOffset + slot * layout.slotStride
            var count = 0
            // Neighbours mostly share their topic.
            var last: (name: String, index: Int)?
            for position in positions.prefix(layout.slotCapacity) {
                let name = position.topicPartition.topic
                if last?.name != name { last = topicIndex[name].map { (name, $0) } }
                guard let topic = last?.index else { continue }
                write(position, topic: topic, to: start + 16 + count * 16)
                count += 1
            }
            // Last, so that a slot is never longer than what was written.
            start.storeBytes(of: UInt64(count), as: UInt64.self)
        }
    }

    func clearSlot(_ slot: Int) {
        isOpen.withLock { isOpen in
            guard isOpen, slot < layout.slotCount else { return }
            (memory + layout.slotsOffset + slot * layout.slotStride).storeBytes(of: 0, as: UInt64.self)
        }
    }

    func clearSlots() {
        for slot in 0..<layout.slotCount { clearSlot(slot) }
    }

    func writeSuspects(_ suspects: [(RecordPosition, Int)]) {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            memory.storeBytes(of: 0, toByteOffset: 24, as: UInt64.self)
            var count = 0
            for (position, deaths) in suspects.prefix(layout.suspectCapacity) {
                guard let topic = topicIndex[position.topicPartition.topic] else { continue }
                let entry = memory + layout.suspectsOffset + count * 24
                write(position, topic: topic, to: entry)
                entry.storeBytes(of: UInt64(clamping: deaths), toByteOffset: 16, as: UInt64.self)
                count += 1
            }
            memory.storeBytes(of: UInt64(count), toByteOffset: 24, as: UInt64.self)
        }
    }

    private func write(_ position: RecordPosition, topic: Int, to entry: UnsafeMutableRawPointer) {
        entry.storeBytes(of: UInt32(topic), as: UInt32.self)
        entry.storeBytes(of: position.topicPartition.partition, toByteOffset: 4, as: Int32.self)
        entry.storeBytes(of: position.offset, toByteOffset: 8, as: Int64.self)
    }

    func close() {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            isOpen = false
            munmap(memory, layout.byteCount)
            Glibc.close(descriptor)
        }
    }
}

/// Reads a journal's bytes without trusting them.
private struct JournalReader {
    let bytes: [UInt8]

    /// The process was killed while it laid the file out.
    var isUnfinished: Bool { number(0) == 0 }

    func content(magic: UInt64) -> (suspects: [(RecordPosition, Int)], slots: [[RecordPosition]])? {
        guard number(0) == magic, let slotCount = integer(8), let slotCapacity = integer(16),
            let suspectCount = integer(24), let nameBytes = integer(32), slotCount > 0, slotCapacity > 0,
            slotCount < 1 << 20, slotCapacity < 1 << 20, nameBytes <= JournalFile.topicBytes
        else { return nil }
        let layout = JournalFile.Layout(slotCount: slotCount, slotCapacity: slotCapacity)
        guard layout.byteCount == bytes.count, suspectCount <= layout.suspectCapacity else { return nil }
        let names = bytes[layout.topicsOffset..<(layout.topicsOffset + nameBytes)]
        let topics = names.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        var suspects: [(RecordPosition, Int)] = []
        for index in 0..<suspectCount {
            let offset = layout.suspectsOffset + index * 24
            guard let position = position(offset, topics), let deaths = integer(offset + 16) else { return nil }
            suspects.append((position, deaths))
        }
        var slots: [[RecordPosition]] = []
        for slot in 0..<slotCount {
            let start = layout.slotsOffset + slot * layout.slotStride
            guard let count = integer(start), count <= slotCapacity else { return nil }
            var positions: [RecordPosition] = []
            for index in 0..<count {
                guard let position = position(start + 16 + index * 16, topics) else { return nil }
                positions.append(position)
            }
            if !positions.isEmpty { slots.append(positions) }
        }
        return (suspects, slots)
    }

    private func position(_ offset: Int, _ topics: [String]) -> RecordPosition? {
        guard let head = number(offset), let value = number(offset + 8) else { return nil }
        let topic = Int(UInt32(truncatingIfNeeded: head))
        guard topic < topics.count else { return nil }
        let partition = Int32(truncatingIfNeeded: head >> 32)
        return RecordPosition(
            TopicPartition(topic: topics[topic], partition: partition), offset: Int64(bitPattern: value))
    }

    private func integer(_ offset: Int) -> Int? { number(offset).flatMap { Int(exactly: $0) } }

    private func number(_ offset: Int) -> UInt64? {
        guard offset >= 0, offset + 8 <= bytes.count else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
