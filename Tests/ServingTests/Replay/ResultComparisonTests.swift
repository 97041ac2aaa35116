import KafkaClient
import Serving
import Testing

@Suite struct ResultComparisonTests {
    private static let place = TopicPartition(topic: "results", partition: 0)

    private func differences(
        _ recomputed: [UInt8], _ recorded: [UInt8], headers: ([(String, String)], [(String, String)]) = ([], []),
        ignoring: Set<String> = []
    ) -> [ResultDifference.Field] {
        func list(_ pairs: [(String, String)]) -> [KafkaHeader] { pairs.map { KafkaHeader($0.0, $0.1) } }
        return ResultComparison(ignoringHeaders: ignoring).differences(
            ProducerRecord(topic: "results", key: [1], value: recomputed[...], headers: list(headers.0)),
            from: KafkaRecord(
                topicPartition: Self.place, offset: 5, key: [1], value: recorded[...], headers: list(headers.1)))
    }

    private func json(_ numbers: String) -> [UInt8] {
        Array(#"{"model_name":"m","outputs":[{"name":"p","datatype":"FP32","shape":[1,3],"data":[\#(numbers)]}]}"#.utf8)
    }

    @Test func equalResultsDifferInNothing() {
        let headers = [("ce_id", "a/0/1"), ("millrace-weights", "12")]
        #expect(differences(json("1,2,3"), json("1,2,3"), headers: (headers, headers)).isEmpty)
    }

    @Test func theElementAndItsBitsAreNamed() {
        #expect(
            differences(json("1,0.5,3"), json("1,0.50000006,3")) == [
                .init(
                    #"outputs[0] "p", element 1"#, recorded: "0.50000006 (0x3f000001)",
                    recomputed: "0.5 (0x3f000000)")
            ])
    }

    @Test func binaryOutputsAreComparedByElement() {
        let head = Array(
            (#"{"outputs":[{"name":"a","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}},"#
                + #"{"name":"b","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]}"#).utf8)
        let headers = [("inference-header-content-length", "\(head.count)")]
        let own: [UInt8] = [1, 2, 0, 0, 128, 63, 0, 0, 0, 64]
        var other = own
        other[6] = 1
        #expect(
            differences(head + own, head + other, headers: (headers, headers)) == [
                .init(#"outputs[1] "b", element 1"#, recorded: "2.0000002 (0x40000001)", recomputed: "2.0 (0x40000000)")
            ])
    }

    @Test func aRawBodyIsComparedByElement() {
        let headers = [("millrace-output", "p"), ("millrace-datatype", "INT16")]
        #expect(
            differences([1, 0, 2, 0], [1, 0, 2, 1], headers: (headers, headers)) == [
                .init(#"outputs[0] "p", element 1"#, recorded: "0x0102", recomputed: "0x0002")
            ])
    }

    @Test func whatIsNoTensorIsComparedByByte() {
        #expect(differences([8, 1, 2], [8, 1, 3]) == [.init("value, byte 2", recorded: "0x03", recomputed: "0x02")])
        #expect(differences([8], [8, 1]) == [.init("value's length", recorded: "2 bytes", recomputed: "1 bytes")])
        // Equal numbers in another spelling are other bytes.
        #expect(differences(json("1,2,3"), json("1.0,2,3")).map(\.name).first?.hasPrefix("value, byte") == true)
    }

    @Test func headersAreComparedExceptThoseOfTheMoment() {
        let recomputed = [("millrace-weights", "aa"), ("traceparent", "1"), ("new", "x")]
        let recorded = [
            ("millrace-weights", "bb"), ("traceparent", "2"), ("ce_time", "t"), ("millrace-activation", "7"),
        ]
        #expect(
            differences([1], [1], headers: (recomputed, recorded)) == [
                .init("header millrace-weights", recorded: "\"bb\"", recomputed: "\"aa\""),
                .init("header new", recorded: "absent", recomputed: "\"x\""),
            ])
        #expect(
            differences([1], [1], headers: (recomputed, recorded), ignoring: ["millrace-weights", "new"]).isEmpty)
    }

    @Test func theKeyCounts() {
        let found = ResultComparison().differences(
            ProducerRecord(topic: "results", key: nil, value: [1]),
            from: KafkaRecord(topicPartition: Self.place, offset: 0, key: [65], value: [1]))
        #expect(found == [.init("key", recorded: "\"A\"", recomputed: "null")])
    }
}
