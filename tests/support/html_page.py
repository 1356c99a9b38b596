"""Reads a page back: sections with their text, tables with their rows, addresses."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Sections with their text, tables with their rows, and every address the page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.section, self.texts, self.tables, self.addresses, self.tags = "", {}, [], [], []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag == "section":
            self.section = attributes["id"]
            self.texts[self.section] = ""
        if tag == "table":
            self.tables.append((self.section, []))
        if tag == "tr":
            self.tables[-1][1].append([])
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.section:
            self.texts[self.section] += data + " "
        if self.in_cell:
            self.tables[-1][1][-1][-1] += data

    def table(self, section: str, index: int = 0) -> list[list[str]]:
        return [rows for name, rows in self.tables if name == section][index]
