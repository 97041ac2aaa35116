"""Writes tokenizers/<name>/tokenizer.json, vocabularies, and tokenizers.json: what the tokenizers library makes of the texts.

Made with tokenizers 0.23.3.  python make_tokenizers.py
"""
import json
import pathlib
import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers, AddedToken

HERE = pathlib.Path(__file__).parent
CORPUS = """The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore, doesn't she?
Kafka is a distributed log; consumers read offsets, producers write records. I'll re-run it, they've said we'd better.
Der Fluss fließt über die Straße. Où est le café à côté de l'école? El niño comió piñas mañana. Naïve façade résumé.
今天天气很好 我们去公园 東京は日本の首都です 한국어 문장입니다 Привет мир Ελληνικά γράμματα नमस्ते दुनिया 12345 67890 3.14 1,000
tokenization embeddings transformer attention unbelievable internationalization running runner runs""".split("\n")

TEXTS = [
    "", " ", "Hello world", "  two  spaces   three ", "The quick brown fox!", "don't can't we'll I'M they'VE",
    "Café RÉSUMÉ naïve Ångström İstanbul ǅ ﬁ ß", "e\u0301 a\u0308\u0323 n\u0303", "今天天气很好abc東京", "한국어 문장 각", "Привет ёлка й",
    "नमस्ते दुनिया", "ไทย ภาษา", "العربية ١٢٣", "😀 👩‍👩‍👧 🇩🇪 a😀b", "tab\tnewline\nreturn\r\nvertical\x0bform\x0c",
    "nul\x00bell\x07soft\u00adzero\u200bbom\ufeff repl\ufffd", "nbsp\u00a0em\u2003ideographic\u3000line\u2028para\u2029nel\u0085",
    "a" * 101, "b" * 100, "x" * 5000, "ab" * 700 + " end", "1234567890 ½ ² Ⅷ 3.14,15", "$100 + 50% = €150 #tag @user _under_ ^caret `tick`",
    "…—–“quotes” ‘single’ «guillemets» ¿qué? ¡sí!", "[MASK] token [CLS] and [SEP] [UNK] [PAD] [mask]", "<s> and <mask>  x </s><pad>",
    "豈 \u2f81a \u212b \u2126 \u1e9b\u0323", "end with space ", "\n\n\n", "   ", " \n lead", "word\u0300\u0301\u0302\u0303", "aʼb a'b", "\U0001d400\U0001d7d8 \U00020000",
    "foo--bar...baz??!!", "http://example.org/a?b=c&d=e", "\u0f71\u0f72\u0f74 \u0344 \u1100\u1161\u11a8", "'s 'S 're''ll 'x", "tokenization internationalization",
]
random.seed(5)
POOL = [0x41, 0x62, 0x20, 0x20, 0x2E, 0x27, 0x31, 0xE9, 0x301, 0x4E2D, 0x1F600, 0x9, 0xA0, 0x3B1, 0x44F, 0xAC01, 0x915, 0x94D, 0x200D, 0x2019, 0x53, 0x73]
TEXTS += ["".join(chr(random.choice(POOL)) for _ in range(random.randint(1, 60))) for _ in range(60)]


def save(name, tokenizer, **files):
    folder = HERE / "tokenizers" / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text, encoding="utf-8")
    plain = [tokenizer.encode(text) for text in TEXTS]
    tokenizer.enable_truncation(12)
    cut = [tokenizer.encode(text).ids for text in TEXTS]
    tokenizer.no_truncation()
    return {"ids": [e.ids for e in plain], "truncated12": cut}


def word_piece(lowercase, strip_accents=None, chinese=True):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents, handle_chinese_chars=chinese)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return tokenizer


def byte_level(prefix, roberta):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else ["<|endoftext|>"]
    tokenizer.train_from_iterator(CORPUS * 3, trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if roberta:
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=prefix)
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def ordered(tokenizer):
    return "".join(t + "\n" for t, _ in sorted(tokenizer.get_vocab().items(), key=lambda x: x[1]))


expected = {}
uncased = word_piece(True)
expected["wordpiece-uncased"] = save("wordpiece-uncased", uncased, vocab_txt=ordered(uncased))
expected["wordpiece-cased"] = save("wordpiece-cased", word_piece(False))
expected["wordpiece-accents"] = save("wordpiece-accents", word_piece(True, strip_accents=False, chinese=False))
for name, tokenizer in (("bpe-gpt2", byte_level(False, False)), ("bpe-roberta", byte_level(True, True))):
    model = json.loads(tokenizer.to_str())["model"]
    merges = "#version: 0.2\n" + "".join((" ".join(m) if isinstance(m, list) else m) + "\n" for m in model["merges"])
    expected[name] = save(name, tokenizer, vocab_json=json.dumps(model["vocab"], ensure_ascii=False), merges_txt=merges)
(HERE / "tokenizers" / "expected.json").write_text(json.dumps({"texts": TEXTS, "tokenizers": expected}), encoding="utf-8")
