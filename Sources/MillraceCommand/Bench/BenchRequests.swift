import KafkaClient
import Serving

/// Requests for a benchmark: reproducible numbers with three decimals, every record with its own id and key.
struct BenchRequests {
    /// Bodies that differ in their numbers; more would only cost memory.
    private static let variants = 256

    let topic: String
    let partitions: Int
    private let headers: [KafkaHeader]
    private let inputs: [[UInt8]]
    private let tails: [[UInt8]]
    private let encoding: BenchEncoding

    init(_ model: BenchModel, encoding: BenchEncoding, topic: String, partitions: Int) {
        self.topic = topic
        self.partitions = partitions
        self.encoding = encoding
        var random = SplitMix64(state: 2)
        let shape = ([1] + model.rowShape).map(String.init).joined(separator: ",")
        let start = #","inputs":[{"name":"\#(model.inputName)","shape":[\#(shape)],"datatype":"FP32","#
        var inputs: [[UInt8]] = []
        var tails: [[UInt8]] = []
        for _ in 0..<Self.variants {
            let numbers = (0..<model.numbers).map { _ in Int.random(in: 0..<16_000, using: &random) }
            switch encoding {
            case .json:
                let data = numbers.map { NumberText.fixed(Double($0) / 1000, digits: 3) }.joined(separator: ",")
                inputs.append(Array((start + #""data":[\#(data)]}]}"#).utf8))
                tails.append([])
            case .binary:
                let size = model.numbers * 4
                let parameters =
                    #""parameters":{"binary_data_size":\#(size)}}],"parameters":{"binary_data_output":true}}"#
                inputs.append(Array((start + parameters).utf8))
                tails.append(
                    numbers.flatMap { number in
                        withUnsafeBytes(of: (Float(number) / 1000).bitPattern.littleEndian) { Array($0) }
                    })
            }
        }
        self.inputs = inputs
        self.tails = tails
        headers = [KafkaHeader("millrace-model", BenchRun.modelName)]
    }

    /// Bytes of a record with a six-digit id, its headers and its share of the log's framing.
    var approximateBytes: Int { (inputs.map(\.count).max() ?? 0) + (tails.first?.count ?? 0) + 128 }

    /// The request whose key and id are its index.
    func record(_ index: Int) -> ProducerRecord {
        let id = Array(String(index).utf8)
        let variant = index % inputs.count
        var value = Array(#"{"id":""#.utf8) + id + [UInt8(ascii: "\"")] + inputs[variant]
        var headers = headers
        if encoding == .binary {
            headers.append(KafkaHeader("inference-header-content-length", String(value.count)))
            value += tails[variant]
        }
        return ProducerRecord(
            topic: topic, partition: Int32(index % partitions), key: id[...], value: value[...], headers: headers)
    }
}
