"""Finds links that lead nowhere: in every Markdown file of the repository, in what else names a page of docs/, and,
given a folder, in the built site.

    links.py [SITE]

Links to other hosts are not followed: they would make the check depend on the network.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"(?ms)^ *(```|~~~).*?^ *\1 *$")
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\](?:\([^)]*\))?)*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"(?m)^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$")
MENTION = re.compile(r"\bdocs/[\w./-]+\.md(?:#[\w-]+)?")
# A change log uses the former names of pages; a program requests a server's own /docs.
SPEAKS_OF_THE_PAST = {"CHANGELOG.md"}


def blank(match):
    """The text of a match without its content, so that line numbers stay the same."""
    return re.sub(r"[^\n]", " ", match[0])


def slug(title):
    """The anchor that GitHub derives from a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", text.replace("`", "")).strip().lower().replace(" ", "-")


def anchors(path):
    """The anchors of a page: of its headings, and explicit ones."""
    text = FENCE.sub(blank, path.read_text(encoding="utf-8"))
    found, seen = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)), {}
    for title in re.findall(r"(?m)^#{1,6} +(.+?) *#*$", text):
        name = slug(title)
        found.add(f"{name}-{seen[name]}" if name in seen else name)
        seen[name] = seen.get(name, 0) + 1
    return found


def wrong(page, link):
    """Why a link from a page is broken, if it is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(ROOT):
        return "leads out of the repository"
    if not target.exists():
        return "there is no such file"
    if parts.fragment and target.suffix == ".md" and unquote(parts.fragment) not in anchors(target):
        return f"{target.relative_to(ROOT)} has no such heading"
    return None


def links(text):
    """Links of a Markdown text, with their lines."""
    bare = CODE.sub(blank, FENCE.sub(blank, text))
    for pattern in (LINK, REFERENCE):
        for match in pattern.finditer(bare):
            yield bare.count("\n", 0, match.start(1)) + 1, match[1]


def of_page(page):
    """The errors in a Markdown file."""
    for line, link in links(page.read_text(encoding="utf-8")):
        if why := wrong(page, link):
            yield f"{page.relative_to(ROOT)}:{line}: {link}: {why}"


def of_mentions(file):
    """Pages of docs/ that a file names but that do not exist."""
    if file.name in SPEAKS_OF_THE_PAST:
        return
    text = file.read_text(encoding="utf-8", errors="ignore")
    for match in MENTION.finditer(text):
        # Part of a longer path, such as another folder's docs/.
        if text[max(0, match.start() - 1)] in "/\\" and not text[: match.start()].endswith("../"):
            continue
        if why := wrong(ROOT / "here", match[0]):
            yield f"{file.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}: {why}"


class Page(HTMLParser):
    """The anchors and links of a built page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        del tag
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def of_site(site):
    """The errors in a built site: links, pictures, scripts and styles of every page."""
    site = site.resolve()
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name not in ("toc.html", "print.html")}
    if not pages:
        yield f"{site}: there is no page"
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_relative_to(site) or not target.is_file():
                yield f"{path.relative_to(site)}: {link}: there is no such file in the site"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(site)}: {link}: there is no such anchor"


def tracked():
    """The repository's files, including those that are not committed yet."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, encoding="utf-8"
    )
    return sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def main(arguments):
    """Prints the errors, and exits with 1 if there are any."""
    if arguments:
        found = [line for site in arguments for line in of_site(Path(site))]
    else:
        files = tracked()
        pages = [file for file in files if file.suffix == ".md"]
        found = [line for page in pages for line in of_page(page)]
        found += [line for file in files if not file.is_symlink() for line in of_mentions(file)]
    print("\n".join(sorted(set(found))) if found else "all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
