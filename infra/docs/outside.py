"""A preprocessor for mdBook: turns links to files outside docs/ into plain text, since the site does not contain them.

On GitHub, where the pages are read too, these links work.
"""

import json
import os
import re
import sys

# Not in code, which the first two alternatives skip.
LINK = re.compile(r"(?ms)^ *```.*?^ *```|(`+)(?!`).+?(?<!`)\1(?!`)|(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<to>[^)\s]+)\)")


def without(content, path):
    """A page without its links to outside files."""

    def kept(match):
        target = (match["to"] or "").split("#")[0]
        if not target or ":" in target:
            return match[0]
        place = os.path.normpath(os.path.join(os.path.dirname(path), target))
        return match["text"] if place.startswith("..") else match[0]

    return LINK.sub(kept, content)


def walk(items):
    """Changes every chapter."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            if chapter.get("source_path"):
                chapter["content"] = without(chapter["content"], chapter["source_path"])
            walk(chapter["sub_items"])


def main(arguments):
    """mdBook's requests: whether a kind of output is supported, and to change a book."""
    if arguments[:1] == ["supports"]:
        return 0
    _context, book = json.load(sys.stdin)
    walk(book["items"])
    json.dump(book, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
