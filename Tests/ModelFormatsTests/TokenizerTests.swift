import Foundation
import JSONDocuments
import ModelFormats
import TestSupport
import Testing

/// Against the tokenizers library: `Tests/Fixtures/huggingface/make_tokenizers.py`.
@Suite struct TokenizerTests {
    static let names = ["wordpiece-uncased", "wordpiece-cased", "wordpiece-accents", "bpe-gpt2", "bpe-roberta"]

    static func document(_ name: String) throws -> JSONCursor {
        JSONCursor(try JSONValue(parsing: bytes(of: Fixtures.path("huggingface/tokenizers/\(name)"))))
    }

    @Test(arguments: names) func givesTheReferenceIDs(_ name: String) throws {
        let expected = try Self.document("expected.json")
        let texts = try expected.member("texts").elements().map { try $0.string() }
        let tokenizer = try TextTokenizer(Self.document("\(name)/tokenizer.json"))
        for (member, length) in [("ids", Int.max), ("truncated12", 12)] {
            let rows = try expected.member("tokenizers").member(name).member(member).elements()
            try #require(rows.count == texts.count && texts.count > 90)
            for (text, row) in zip(texts, rows) {
                let ids = try row.elements().map { Int32(try $0.integer()) }
                #expect(
                    tokenizer.encode(text, maximumLength: length) == ids,
                    "\(name): \(text.debugDescription.prefix(200))")
            }
        }
    }

    /// "é" as one scalar and as two: one Swift string, two tokens.
    @Test func tokensOfOtherNormalFormsAreOthers() throws {
        let text = #"{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"\u00e9":1,"e\u0301":2}}}"#
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        var limits = JSONLimits.default
        limits.keepsNormalForms = true
        let document = try JSONValue(parsing: text, limits: limits)
        // As a bundle keeps it.
        let again = JSONCursor(try JSONValue(parsing: document.serialized(.compact)))
        for cursor in [JSONCursor(document), again] {
            let tokenizer = try TextTokenizer(cursor)
            #expect(tokenizer.encode("\u{e9}") == [1] && tokenizer.encode("e\u{301}") == [2])
        }
    }

    @Test func decodesBytes() throws {
        let tokenizer = try TextTokenizer(Self.document("bpe-gpt2/tokenizer.json"))
        for text in ["Hello  world\n", "Café 今天 😀", "<|endoftext|>x"] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        }
    }

    @Test func longWordsTakeNoQuadraticTime() throws {
        let tokenizer = try TextTokenizer(Self.document("bpe-gpt2/tokenizer.json"))
        #expect(tokenizer.encode(String(repeating: "the", count: 100_000)).count > 10_000)
    }

    static let malformed: [(String, String)] = [
        ("{}", "model"), (#"{"model": {"type": "Unigram"}}"#, "Unigram"),
        (#"{"model": {"type": "WordPiece", "vocab": {"a": -1}}}"#, "a"),
        (#"{"model": {"type": "WordPiece", "vocab": {"a": 1}}}"#, "unk_token"),
        (#"{"model": {"type": "BPE", "vocab": {}, "merges": []}}"#, "pre_tokenizer"),
        (#"{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"vocab": {"a": 1}, "merges": ["a b"]}}"#, "merges[0]"),
        (#"{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"vocab": {"a": 1}, "merges": ["a"]}}"#, "merges[0]"),
        (#"{"normalizer": {"type": "NFC"}, "model": {"type": "BPE", "vocab": {}, "merges": []}}"#, "normalizer"),
    ]

    @Test(arguments: malformed) func refuses(_ text: String, _ mention: String) throws {
        let root = JSONCursor(try JSONValue(parsing: text))
        let error = #expect(throws: JSONError.self) { try TextTokenizer(root) }
        #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
    }
}
