import ArgumentParser

/// The scenarios of `offsets reset`, of which exactly one is given.
struct ResetOptions: ParsableArguments {
    @Flag(help: "To the first record that is kept.")
    var toEarliest = false

    @Flag(help: "To the end of the log: only what comes next.")
    var toLatest = false

    @Option(parsing: .unconditional, help: ArgumentHelp("To this offset.", valueName: "n"))
    var toOffset: Int64?

    @Flag(help: "To what is committed; the end of the log where nothing is.")
    var toCurrent = false

    @Option(
        parsing: .unconditional, help: ArgumentHelp("By so many offsets: on, or back when negative.", valueName: "n"))
    var shiftBy: Int64?

    @Option(
        help: ArgumentHelp(
            "To the first record at or after a time: 2026-03-01T06:00:00.000Z, 2026-03-01T07:00:00.000+01:00.",
            valueName: "time"))
    var toDatetime: String?

    @Option(
        help: ArgumentHelp(
            "To the first record at or after so long ago: P7D, PT90M, P1DT12H.", valueName: "PnDTnHnMnS"))
    var byDuration: String?

    @Option(
        help: ArgumentHelp(
            "To the offsets in a file as export writes it: topic,partition,offset lines, or with the group before them; "
                + "- reads standard input.", valueName: "csv"),
        completion: .file(extensions: ["csv"]))
    var fromFile: String?

    func validate() throws {
        let given = [
            ("--to-earliest", toEarliest), ("--to-latest", toLatest), ("--to-offset", toOffset != nil),
            ("--to-current", toCurrent), ("--shift-by", shiftBy != nil), ("--to-datetime", toDatetime != nil),
            ("--by-duration", byDuration != nil), ("--from-file", fromFile != nil),
        ]
        let found = given.filter(\.1).map(\.0)
        guard found.count == 1 else {
            throw ValidationError(
                "expected one of \(given.map(\.0).joined(separator: ", ")); found "
                    + (found.isEmpty ? "none" : found.joined(separator: ", ")))
        }
    }

    /// What was asked for; of ``fromFile`` the offsets for each group come later.
    ///
    /// - Parameter now: milliseconds since 1970-01-01 UTC.
    /// - Throws: ``CommandFailure`` when a time, a duration or the file cannot be read.
    func scenario(now: Int64) throws -> ResetRequest {
        if let path = fromFile {
            let bytes = try InputFile.read(path, limit: OffsetFile.maximumBytes)
            return .file(try OffsetFile(parsing: bytes, name: path == "-" ? "standard input" : path))
        }
        if let toDatetime { return .scenario(.time(try ResetTime.milliseconds(dateTime: toDatetime))) }
        if let byDuration {
            let (time, overflow) = now.subtractingReportingOverflow(
                try ResetTime.milliseconds(duration: byDuration))
            return .scenario(.time(overflow ? 0 : time))
        }
        if let toOffset { return .scenario(.offset(toOffset)) }
        if let shiftBy { return .scenario(.shift(shiftBy)) }
        if toEarliest { return .scenario(.earliest) }
        return .scenario(toLatest ? .latest : .current)
    }
}

/// A scenario for every group alike, or a file that has offsets by group.
enum ResetRequest: Sendable, Equatable {
    case scenario(ResetScenario)
    case file(OffsetFile)
}
