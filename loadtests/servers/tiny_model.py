"""Writes a llama model of random weights, 300 kB of them: it babbles, but through all of llama.cpp.

Usage: tiny_model.py FILE (needs the package gguf)
"""

from __future__ import annotations

import sys

import gguf
import numpy as np

LAYERS, WIDTH, HEADS, HIDDEN, CONTEXT = 2, 64, 4, 128, 2048
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LETTERS = ["\N{LOWER ONE EIGHTH BLOCK}", *"abcdefghijklmnopqrstuvwxyz"]  # SentencePiece's space, and letters


def write(path: str) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    tokens = SPECIAL + BYTES + LETTERS
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    add_vocabulary(writer, tokens)
    random = np.random.default_rng(1)
    for name, shape in shapes(len(tokens)).items():
        weights = np.ones(shape) if name.endswith("norm.weight") else random.normal(0, 0.3, shape)
        writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL]
    types += [kinds.BYTE] * len(BYTES) + [kinds.NORMAL] * len(LETTERS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{% for message in messages %}{{ message['content'] }}{% endfor %}")


def shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (vocabulary, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        found |= {f"{block}.{norm}.weight": (WIDTH,) for norm in ("attn_norm", "ffn_norm")}
        found |= {f"{block}.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        found |= {f"{block}.ffn_{part}.weight": (HIDDEN, WIDTH) for part in ("gate", "up")}
        found |= {f"{block}.ffn_down.weight": (WIDTH, HIDDEN)}
    return found


if __name__ == "__main__":
    write(sys.argv[1])
