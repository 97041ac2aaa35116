"""Writes AccentTable.swift: what is left of each character when its accents are stripped (NFD without Mn).

  python make_accents.py > ../../../Sources/ModelFormats/Tokenizers/AccentTable.swift
"""
import textwrap
import unicodedata

entries = []
for code in range(0x110000):
    if 0xAC00 <= code < 0xD7A4 or 0xD800 <= code < 0xE000:
        continue  # Hangul syllables are computed
    character = chr(code)
    rest = "".join(c for c in unicodedata.normalize("NFD", character) if unicodedata.category(c) != "Mn")
    if rest != character:
        entries.append(f"{code:X}:" + ".".join(f"{ord(c):X}" for c in rest))
print(f"// Made by Tests/Fixtures/huggingface/make_accents.py from Unicode {unicodedata.unidata_version}.")
print("\n/// Characters that canonical decomposition without nonspacing marks (Mn) changes, as `code:rest.rest`, hexadecimal.")
print("let accentTable: StaticString = \"\"\"")
print(" \\\n".join(f"    {line}" for line in textwrap.wrap(" ".join(entries), 114)))
print("    \"\"\"")
