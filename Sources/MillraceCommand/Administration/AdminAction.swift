import Glibc

/// Something that an operator did to the cluster, for whoever asks later.
struct AdminAction: Sendable {
    /// `deadletters.redrive`, `replay`, …
    let kind: String
    let target: String
    let details: [String: String]
    let operatorName: String
    let time: Timestamp

    /// Records an action that was carried out. What cannot be recorded is said and undoes nothing.
    static func record(
        _ kind: String, target: String, details: [String: String] = [:],
        in journal: any AdminJournal
    ) async {
        let action = AdminAction(
            kind: kind, target: target, details: details, operatorName: currentOperator(), time: .now())
        do {
            try await journal.record(action)
        } catch {
            Console.printError("millrace: \(kind) of \(target) was not recorded: \(error)")
        }
    }

    /// The user's name, as the system has it.
    private static func currentOperator() -> String {
        guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else { return "uid \(geteuid())" }
        return String(cString: name)
    }
}

/// Where actions are recorded.
protocol AdminJournal: Sendable {
    func record(_ action: AdminAction) async throws
}

/// One line an action.
struct StandardErrorJournal: AdminJournal {
    func record(_ action: AdminAction) {
        let details = action.details.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        Console.printError("\(action.time) \(action.operatorName): \(action.kind) \(action.target)\(details)")
    }
}
