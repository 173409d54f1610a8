"""Files in the smallest form: a name, and what a test is about."""

from __future__ import annotations

from pathlib import Path

from proxy.config import AppConfig, Findings, inspect, parse

FILE = Path("cerebrium.toml")


def config(text: str = "") -> AppConfig:
    return parse(f'[cerebrium.deployment]\nname = "hello"\n{text}', FILE)


def line(path: str, value: str) -> str:
    """`path` = `value` in its own table; for a key of [cerebrium.deployment] the name comes along from config()."""
    table, _, key = path.rpartition(".")
    return f"{key} = {value}\n" if table == "cerebrium.deployment" else f"[{table}]\n{key} = {value}\n"


def inspected(folder: Path, text: str) -> Findings:
    """What is found in `text`, with the file's path taken off each sentence."""
    file = folder / FILE
    file.write_text(f'[cerebrium.deployment]\nname = "hello"\n{text}')
    (folder / "main.py").touch()
    found = inspect(folder)
    prefix = f"{file}: "
    assert all(sentence.startswith(prefix) for sentence in found.errors + found.warnings)
    return Findings(
        tuple(sentence.removeprefix(prefix) for sentence in found.errors),
        tuple(sentence.removeprefix(prefix) for sentence in found.warnings),
    )
