/// Keeps the values of secret properties out of log lines, errors and descriptions.
struct SecretRedactor: Sendable {
    static let replacement = "[redacted]"

    private let secrets: [String]

    init(properties: [String: String]) {
        // Longest first, so that a secret that contains another leaves no remainder.
        secrets = properties.filter { Self.isSecret($0.key) && !$0.value.isEmpty }.map(\.value)
            .sorted { $0.utf8.count > $1.utf8.count }
    }

    /// Errs on the side of hiding: a property added by a newer librdkafka is secret when its name sounds like it.
    static func isSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return ["password", "secret", "passphrase", "key.pem", "token", "oauthbearer.config", "kinit.cmd", "assertion"]
            .contains { key.contains($0) } && !key.contains("url")
    }

    static func shown(_ properties: [String: String]) -> [String: String] {
        var shown = properties
        for key in properties.keys where isSecret(key) { shown[key] = replacement }
        return shown
    }

    func redact(_ text: String) -> String {
        var text = text
        for secret in secrets where text.contains(secret) {
            text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: Self.replacement)
        }
        return text
    }
}
