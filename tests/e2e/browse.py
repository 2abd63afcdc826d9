"""Opens a build's report in headless Chromium: light, dark, and with scripts off. Does a reader get the numbers of the
JSON report, in a page that asks for nothing else and has nothing to complain about?

    browse.py PAGE JSON FOLDER

Writes FOLDER/light.png and FOLDER/dark.png.
"""
import base64
import json
import os
import pathlib
import subprocess
import sys

# What Chromium fetches for itself, and what it has no use for here.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe"]

READ = """(() => {
    const tables = {};
    for (const table of document.querySelectorAll("table"))
        tables[table.id] = [...table.rows].slice(1).map((row) => [...row.cells].map((cell) => cell.innerText.trim()));
    const bars = {};
    for (const bar of document.querySelectorAll("svg rect"))
        if (bar.getBoundingClientRect().width > 0)
            bars[bar.className.baseVal] = (bars[bar.className.baseVal] || 0) + 1;
    const style = getComputedStyle(document.body);
    const root = document.documentElement;
    return JSON.stringify({ title: document.title, size: document.querySelector("#size").innerText,
        hidden: document.querySelector("#hidden-bytes")?.innerText, tables, bars, text: style.color,
        page: style.backgroundColor, pale: getComputedStyle(root).getPropertyValue("--pale").trim(),
        overflows: root.scrollWidth > root.clientWidth });
})()"""


class Browser:
    """Chromium's debugging protocol over a pipe: JSON documents, each with a NUL behind it."""

    def __init__(self, home):
        here_in, its_out = os.pipe()
        its_in, here_out = os.pipe()
        # it reads from descriptor 3 and writes to 4
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out}', "sh", "chromium", *FLAGS, f"--user-data-dir={home}/profile"],
            pass_fds=(its_in, its_out), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home})
        os.close(its_in)
        os.close(its_out)
        self.reader, self.writer = os.fdopen(here_in, "rb", 0), os.fdopen(here_out, "wb", 0)
        self.rest, self.last, self.events = b"", 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    session = None

    def receive(self):
        while b"\0" not in self.rest:
            piece = self.reader.read(65536)
            if not piece:
                sys.exit("chromium has ended")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") != self.last:
                self.events.append(answer)
            elif "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def open(self, url):
        self.events = [event for event in self.events if event.get("method") != "Page.loadEventFired"]
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def read(self):
        return json.loads(self.call("Runtime.evaluate", expression=READ)["result"]["value"])

    def picture(self, path):
        """What is seen without scrolling."""
        shot = self.call("Page.captureScreenshot", format="png")
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait()


def size(n):
    """As people read it: 999 B, 1.2 kB, 345 MB."""
    units = ["B", "kB", "MB", "GB"]
    while n >= 999.5 and len(units) > 1:
        n, units = n / 1000, units[1:]
    return f"{n:.0f} {units[0]}" if units[0] == "B" or n >= 99.95 else f"{n:.1f} {units[0]}"


def equal(what, seen, wanted):
    if seen != wanted:
        sys.exit(f"{what}: the page has {seen!r}, the report {wanted!r}")


def check_numbers(seen, report):
    tables, steps, layers = seen["tables"], report["steps"], report["layers"]
    equal("steps", [row[0].split("\n")[0] for row in tables["steps"]], [" ".join(step["text"].split()) for step in steps])
    equal("why", [row[0].partition("not cached: ")[2] for row in tables["steps"]], [step.get("not_cached", "") for step in steps])
    equal("times", [row[1] for row in tables["steps"]],
          ["cached" if step["outcome"] == "cached" else f"{(step['end_ms'] - step['begin_ms']) / 1000:.1f}s" for step in steps])
    equal("stages", [row[:3] for row in tables["stages"]],
          [[stage["name"], str(stage["steps"]), str(stage["cached"])] for stage in report["stages"]])
    equal("layers", [row[2:4] for row in tables["layers"]],
          [[size(layer["bytes"]), f"{100 * layer['bytes'] / report['bytes']:.1f} %"] for layer in layers])
    for table in ("files", "hidden"):
        equal(table, [row[:3] for row in tables[table]],
              [["/" + file["path"], str(file["layer"] + 1), size(file["bytes"])] for file in report[table]])
    growth = report["bytes"] - report["before"]["bytes"]
    equal("size", seen["size"], f"{size(report['bytes'])} in {len(layers)} layers, {'-' if growth < 0 else '+'}{size(abs(growth))} "
                                f"against {report['before']['name']}")
    equal("hidden bytes", seen["hidden"].split(" are ")[0], size(report["hidden_bytes"]))
    cached = sum(step["outcome"] == "cached" for step in steps)
    equal("pale bars", seen["bars"].get("cached", 0), 2 * cached)  # among the steps, and among their stage's
    equal("bars are seen", seen["bars"]["track"], sum(len(rows) for rows in tables.values()))
    equal("wider than the window", seen["overflows"], False)


def main():
    page, report, folder = sys.argv[1:]
    report = json.loads(pathlib.Path(report).read_text(encoding="utf-8"))
    url = pathlib.Path(page).resolve().as_uri()
    browser = Browser(os.path.join(folder, "chromium"))
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    browser.call("Emulation.setDeviceMetricsOverride", width=980, height=760, deviceScaleFactor=1, mobile=False)
    colours = []
    for mode in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
        browser.open(url)
        seen = browser.read()
        check_numbers(seen, report)
        colours.append([seen["text"], seen["page"], seen["pale"]])
        browser.picture(os.path.join(folder, f"{mode}.png"))
    if any(light == dark for light, dark in zip(*colours)):
        sys.exit(f"dark is as light: {colours}")
    # a page's own scripts; ours, from outside, still run
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    check_numbers(browser.read(), report)
    browser.close()
    said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    equal("console", [event["params"] for event in browser.events if event.get("method") in said], [])
    requests = [event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent"]
    equal("requests", [one for one in requests if not one.startswith("data:")], [url] * 3)


main()
