import Testing

@testable import MillraceCommand

@Suite struct RedactionTests {
    private let secret = "hunter2-öä"

    @Test(arguments: [
        "sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
    ])
    func `secrets are read and never shown`(property: String) throws {
        let key = "kafka.properties.\(property)"
        let variable = EnvironmentLayer.variable(forKey: key)
        for loaded in [
            try load(yaml: "kafka:\n  properties:\n    \(property): \(secret)\n"),
            try load(environment: [variable: secret]), try load(flags: [(key, secret)]),
        ] {
            #expect(loaded.configuration.kafka.properties == [property: secret])
            #expect(loaded.value(of: key) == "<redacted>")
            for output in ConfigurationOutput.allCases {
                let text = try output.render(loaded.settings)
                #expect(!text.contains(secret))
                #expect(text.contains("<redacted>"))
            }
        }
    }

    @Test func `other properties are shown`() throws {
        let loaded = try load(flags: [("kafka.properties.sasl.username", "alice")])
        #expect(loaded.value(of: "kafka.properties.sasl.username") == "alice")
    }

    @Test func `errors keep secrets`() {
        let texts =
            problems(yaml: "kafka:\n  properties:\n    sasl.password: [\(secret)]\n")
            + problems(yaml: "kafka:\n  properties:\n    sasl.password: {a: \(secret)}\n")
            + problems(yaml: "kafka:\n  properties:\n    sasl.password: \"\(secret)\n  x: [\n")
            + problems(yaml: "kafka:\n  properties:\n    sasl.password: \(secret)\n   bad: indent: \(secret)\n")
        #expect(texts.count >= 4)
        for text in texts { #expect(!text.contains(secret)) }
    }
}
