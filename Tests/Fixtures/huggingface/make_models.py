"""Writes models/<name>/: tiny Hugging Face models of random weights, with inputs and transformers' outputs in reference.npz.

Made with transformers 5.23.0 and torch 2.15.0.  python make_models.py
"""
import json
import pathlib
import shutil

import numpy as np
import torch
import transformers as t

HERE = pathlib.Path(__file__).parent
torch.manual_seed(11)
SMALL = dict(vocab_size=120, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40, max_position_embeddings=128)


def spread(model):
    """Weights large enough that a mistake shows; biases and norms too, which start as 0 and 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.2 * noise if "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and name.endswith("weight") else 0.25 * noise)
    return model.eval()


def inputs(pad, low=3):
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(low, 120, (3, 9), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    mask[2, 2:] = 0
    ids[mask == 0] = pad
    types = torch.randint(0, 2, (3, 9), generator=generator)
    return ids, mask, types


def save(name, model, pad=0, types=False, dtype=None, shards=None):
    folder = HERE / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    spread(model)
    if dtype:
        model.to(dtype)
    model.save_pretrained(folder, **({"max_shard_size": shards} if shards else {}))
    model.float()
    (folder / "generation_config.json").unlink(missing_ok=True)
    ids, mask, type_ids = inputs(pad)
    arguments = dict(input_ids=ids, attention_mask=mask)
    if types:
        arguments["token_type_ids"] = type_ids
    with torch.no_grad():
        result = model(**arguments)
    arrays = {key: value.numpy() for key, value in arguments.items()}
    for key, value in result.items():
        if isinstance(value, torch.Tensor):
            arrays["out_" + key] = value.numpy()
    if name.startswith("gpt2"):
        prompt = ids[:1, :5]
        with torch.no_grad():
            tokens = model.generate(prompt, max_new_tokens=64, do_sample=False, pad_token_id=0, eos_token_id=None)
        arrays["prompt"], arrays["greedy"] = prompt.numpy(), tokens.numpy()[:, 5:]
    np.savez(folder / "reference.npz", **arrays)


bert = dict(SMALL, pad_token_id=0)
save("bert", t.BertModel(t.BertConfig(**bert)), types=True)
save("bert-sharded-bf16", t.BertModel(t.BertConfig(**bert)), types=True, dtype=torch.bfloat16, shards="20KB")
save("bert-classifier", t.BertForSequenceClassification(t.BertConfig(**bert, num_labels=3, hidden_act="gelu_new")), types=True)
save("bert-masked-lm", t.BertForMaskedLM(t.BertConfig(**bert)), types=True, dtype=torch.float16)
save("bert-tokens", t.BertForTokenClassification(t.BertConfig(**bert, num_labels=5, hidden_act="relu")), types=True)
save("bert-questions", t.BertForQuestionAnswering(t.BertConfig(**bert)), types=True)
distil = dict(vocab_size=120, dim=24, n_layers=2, n_heads=4, hidden_dim=40, max_position_embeddings=128)
save("distilbert", t.DistilBertModel(t.DistilBertConfig(**distil)))
save("distilbert-classifier", t.DistilBertForSequenceClassification(t.DistilBertConfig(**distil, num_labels=2)))
roberta = dict(SMALL, pad_token_id=1, type_vocab_size=1, max_position_embeddings=130)
save("roberta", t.RobertaModel(t.RobertaConfig(**roberta)), pad=1)
save("roberta-classifier", t.RobertaForSequenceClassification(t.RobertaConfig(**roberta, num_labels=4)), pad=1)
gpt2 = dict(vocab_size=120, n_embd=24, n_layer=2, n_head=4, n_positions=128, bos_token_id=0, eos_token_id=0)
save("gpt2", t.GPT2LMHeadModel(t.GPT2Config(**gpt2)))


def save_text(name, model, tokenizer, texts, pad):
    """With a tokenizer of make_tokenizers.py, and what the model makes of texts."""
    from tokenizers import Tokenizer
    folder = HERE / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    spread(model).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    shutil.copy(HERE / "tokenizers" / tokenizer / "tokenizer.json", folder)
    encoder = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoder.enable_truncation(24)
    rows = []
    for text in texts:
        ids = torch.tensor([encoder.encode(text).ids])
        with torch.no_grad():
            if name.startswith("gpt2"):
                rows.append(encoder.decode(model.generate(ids, max_new_tokens=20, do_sample=False, pad_token_id=0, eos_token_id=None)[0, ids.shape[1]:].tolist(), skip_special_tokens=False))
            else:
                mean = model(ids).last_hidden_state.mean(1)
                rows.append((mean / mean.norm(dim=1, keepdim=True))[0].tolist())
    (folder / "texts.json").write_text(json.dumps({"texts": texts, "outputs": rows}))
    return folder


size = lambda tokenizer: len(json.loads((HERE / "tokenizers" / tokenizer / "vocab.json").read_text())) if tokenizer.startswith("bpe") else len((HERE / "tokenizers" / tokenizer / "vocab.txt").read_text().splitlines())
folder = save_text(
    "sentence", t.BertModel(t.BertConfig(**dict(bert, vocab_size=size("wordpiece-uncased") + 8))), "wordpiece-uncased",
    ["The quick brown fox", "Café 今天!", "a " * 60, "x", "unbelievable internationalization of the runner"], 0)
modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
(folder / "modules.json").write_text(json.dumps([{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{k}"} for i, (p, k) in enumerate(modules)]))
(folder / "1_Pooling").mkdir()
(folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 24, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}))
(folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24}))
save_text("gpt2-text", t.GPT2LMHeadModel(t.GPT2Config(**dict(gpt2, vocab_size=size("bpe-gpt2"), n_embd=16))), "bpe-gpt2", ["The quick", "Café"], 0)
