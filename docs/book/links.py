"""Links of a built site: each has to lead to a file of it, and to an anchor there."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote


def anchor(heading):
    """The anchor of a heading, as mdBook and code hosts make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, text):
        super().__init__()
        self.anchors = set()
        self.links = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        for name in ("href", "src"):
            if given.get(name):
                self.links.append(given[name])


def check(folder):
    """A sentence for each link that leads nowhere."""
    files = folder / "files"
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in folder.rglob("*.html")
        if files not in path.parents
    }
    wrong = []
    for path, page in pages.items():
        if path.name == "404.html":
            # Its links begin at the root of whatever serves it.
            continue
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            address, _, heading = link.partition("#")
            address = unquote(address.partition("?")[0])
            target = (path.parent / address).resolve() if address else path
            if target.is_dir():
                target = target / "index.html"
            if not target.exists():
                wrong.append(f"{path.relative_to(folder)}: {link}: no such file")
            elif heading and target in pages and unquote(heading) not in pages[target].anchors:
                wrong.append(f"{path.relative_to(folder)}: {link}: no such anchor")
    return wrong
