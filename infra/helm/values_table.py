"""Writes the chart's table of values into its README, from the comments of values.yaml.

A comment that begins with `# --` describes the key below it, and whatever the key has in it that is not described
itself. A key without a description is an error.
"""

import json
import re
from pathlib import Path

import yaml

CHART = Path(__file__).parent / "openworld-specialty-chemicals"
README = CHART / "README.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"

COMMENT = re.compile(r"\s*# (?P<begins>-- )?(?P<text>.*)")
KEY = re.compile(r"(?P<indent> *)(?P<name>\w+):")


def descriptions(text):
    """What is said of each key, by its path."""
    found, path, said = {}, [], None
    for line in text.splitlines():
        if comment := COMMENT.fullmatch(line):
            if comment["begins"]:
                said = comment["text"]
            elif said is not None:
                said += " " + comment["text"]
        elif key := KEY.match(line):
            path[len(key["indent"]) // 2 :] = [key["name"]]
            if said is not None:
                found[tuple(path)] = said
            said = None
    return found


def rows(values, said, path=()):
    """A row for each described key: name, default, description."""
    if path in said:
        yield ".".join(path), json.dumps(values), said[path]
    elif not isinstance(values, dict):
        raise SystemExit(f"values.yaml: {'.'.join(path)} is not described")
    if isinstance(values, dict):
        for name, value in values.items():
            inner = (*path, name)
            if path not in said or inner in said:
                yield from rows(value, said, inner)


def table():
    """The table as Markdown."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    cells = [
        (f"`{name}`", f"`{default}`", said) for name, default, said in rows(yaml.safe_load(text), descriptions(text))
    ]
    lines = [("value", "default", "meaning"), ("---", "---", "---"), *cells]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def readme():
    """The README with the table of today."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
