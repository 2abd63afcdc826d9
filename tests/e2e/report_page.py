"""Is the page whole and on its own, and does it have as many rows as the JSON has entries?

    report_page.py PAGE JSON
"""
import html.parser
import json
import sys

VOID = {"meta", "link", "rect"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.table, self.rows = [], None, {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "script" or any(name.startswith("on") for name in attrs):
            sys.exit("there is a script")
        if any(not (value or "").startswith("data:") for name, value in attrs.items() if name in ("src", "href")):
            sys.exit("something is loaded from elsewhere")
        if tag == "table":
            self.table = attrs["id"]
            self.rows[self.table] = -1  # its head
        if tag == "tr":
            self.rows[self.table] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            sys.exit(f"</{tag}> closes what is not open")


page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
with open(sys.argv[2], encoding="utf-8") as file:
    report = json.load(file)
if page.open:
    sys.exit(f"not closed: {page.open}")
for table, rows in page.rows.items():
    if rows != len(report[table]):
        sys.exit(f"{table}: {rows} rows for {len(report[table])} entries")
