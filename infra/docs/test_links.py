"""The link check finds broken links, and accepts valid ones."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import links

PAGE = """# A page
## What it `costs`: §2
## Twice
## Twice
[good](other.md#two-words) [picture ![x](x.png)](other.md) [here](#what-it-costs-2) [second](#twice-1)
[elsewhere](https://example.com/nowhere#x)
`[code](no.md)`
```sh
[code](no.md)
# No heading
```
"""
BROKEN = {
    "[a](no.md)": "there is no such file",
    "[a](other.md#no)": "other.md has no such heading",
    "[a](#no-heading)": "page.md has no such heading",
    "[a](#twice-2)": "page.md has no such heading",
    "[a](../out.md)": "leads out of the repository",
    "![a](no.png)": "there is no such file",
    "[a `code` [b]](no.md)": "there is no such file",
    "[a]: no.md": "there is no such file",
}


class Links(unittest.TestCase):
    """Each on a small repository of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        patched = mock.patch.object(links, "ROOT", self.root)
        patched.start()
        self.addCleanup(patched.stop)
        self.write("other.md", "# Two words\n")
        self.write("x.png", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def test_good_links_pass(self):
        self.assertEqual(list(links.of_page(self.write("page.md", PAGE))), [])

    def test_a_broken_link_is_found_with_its_line_and_its_reason(self):
        line = PAGE.count("\n") + 1
        for link, why in BROKEN.items():
            with self.subTest(link):
                (found,) = links.of_page(self.write("page.md", PAGE + link + "\n"))
                self.assertTrue(found.startswith(f"page.md:{line}: ") and found.endswith(why), found)

    def test_pages_that_code_names_have_to_be_there(self):
        # Concatenated, because the check reads this file, too.
        page = "docs" + "/page.md"
        self.write(page, "# One\n")
        good = self.write("good.rs", f"// {page}, {page}#one, ../../{page}, infra/{page}\n")
        self.assertEqual(list(links.of_mentions(good)), [])
        for bad in (page.replace("page", "no"), f"{page}#two", f"../{page}x".replace(".mdx", "s.md")):
            self.assertEqual(len(list(links.of_mentions(self.write("bad.rs", f"\n// see {bad}\n")))), 1, bad)

    def test_a_site_is_checked_as_it_was_built(self):
        self.write("site/index.html", '<h1 id="a"></h1><a href="b.html#b">b</a><a href="#a">a</a>')
        self.write("site/b.html", '<h1 id="b"></h1><script src="x.js"></script>')
        self.write("site/x.js", "")
        self.assertEqual(list(links.of_site(self.root / "site")), [])
        for bad in ('<a href="c.html">', '<a href="b.html#c">', '<img src="no.png">', '<a href="../other.md">'):
            self.write("site/b.html", f'<h1 id="b"></h1>{bad}')
            self.assertEqual(len(list(links.of_site(self.root / "site"))), 1, bad)
        (self.root / "empty").mkdir()
        self.assertEqual(len(list(links.of_site(self.root / "empty"))), 1)


if __name__ == "__main__":
    unittest.main()
