import Testing

@testable import MillraceCommand

@Suite struct ValueTypeTests {
    @Test(arguments: [
        ("0", 0), ("4096", 4096), ("1B", 1), ("64kB", 64_000), ("64KB", 64_000), ("1MB", 1_000_000),
        ("8MiB", 8_388_608),
        ("8 MiB", 8_388_608), ("2GiB", 2_147_483_648), ("3GB", 3_000_000_000), ("1KiB", 1024),
    ])
    func `sizes`(text: String, bytes: Int) {
        #expect(ByteSize.parse(text) == bytes)
        #expect(ByteSize.parse(ByteSize.format(bytes)) == bytes)
    }

    @Test(arguments: ["", "MiB", "-1", "1.5MiB", "8mib", "8MiBs", "9223372036854775808", "9223372036854775807KiB", "٣"])
    func `what is no size`(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(arguments: [
        ("0ms", Duration.zero), ("500us", .microseconds(500)), ("2ms", .milliseconds(2)), ("20s", .seconds(20)),
        ("5m", .seconds(300)), ("1h", .seconds(3600)), ("1 s", .seconds(1)),
    ])
    func `durations`(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
        #expect(DurationText.parse(DurationText.format(duration)) == duration)
    }

    @Test(arguments: ["", "2", "ms", "-2ms", "1.5s", "2 minutes", "2S", "9223372036854775807h"])
    func `what is no duration`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test func `formats pick the largest exact unit`() {
        #expect(ByteSize.format(1 << 20) == "1MiB")
        #expect(ByteSize.format(1_000_000) == "1000000")
        #expect(DurationText.format(.milliseconds(1500)) == "1500ms")
        #expect(DurationText.format(.seconds(7200)) == "2h")
    }
}
