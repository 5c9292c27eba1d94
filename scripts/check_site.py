# SPDX-License-Identifier: BSD-3-Clause
"""Look at the built site as its readers do: follow every link, open every page on a desk and on a phone, and search.

    check_site.py build/docs                   exit status 1, and a line per fault, if there is one
    check_site.py build/docs --pictures DIR    besides, pictures of some pages, light and dark, for human eyes

Pages are opened and searched in headless Chromium, which fetches them from a server in this process and posts what it
found there. Where there is no Chromium, that part is left out, and a line says so.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

BROWSERS = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
SECONDS = 240
WIDTHS = 1280, 390  # pixels: a desk, a phone

# Whoever searches for this should find one of these pages among the first three.
SEARCHES = {
    "dying": ["howto/dying-neurons.html"],
    "neuron": ["howto/dying-neurons.html"],
    "install": ["install.html"],
    "macos": ["install.html", "index.html"],
    "threads": ["howto/threads.html"],
    "relu": ["api/rectifiers.html"],
    "fork": ["howto/threads.html", "reliability.html"],
}
# Pages to look at; each also in dark mode.
PICTURES = (
    "index",
    "install",
    "api/index",
    "api/gelu",
    "api/rectifiers",
    "accuracy",
    "howto/dying-neurons",
    "howto/threads",
    "benchmarks",
)

# Opens each page in a frame, as wide as a screen, and posts one line per fault. A frame has its own width for the
# style sheets, and unlike the browser's window it can be as narrow as a phone.
LOOK = """<!doctype html><meta charset=utf-8><iframe></iframe><script>
const plan = PLAN, faults = [], frame = document.querySelector("iframe");
const open = url => new Promise(done => { frame.onload = () => done(frame.contentDocument); frame.src = url; });
const pause = ms => new Promise(done => setTimeout(done, ms));
async function look() {
  let seen = 0;
  for (const width of plan.widths) {
    frame.width = width; frame.height = 800;
    for (const page of plan.pages) {
      const doc = await open("/" + page), root = doc.documentElement;
      seen++;
      for (const image of doc.images)
        if (!image.naturalWidth) faults.push(`${page}: the picture ${image.getAttribute("src")} does not load`);
      // Code and tables scroll within themselves.
      const wide = [...doc.querySelectorAll("article *:not(pre *, .table-wrapper *)")].find(
        each => each.getBoundingClientRect().right > root.clientWidth + 1);
      if (wide || root.scrollWidth > root.clientWidth)
        faults.push(`${page}: wider than a screen of ${width} pixels: ` + (wide ?? root).outerHTML.slice(0, 120));
    }
  }
  for (const [words, wanted] of Object.entries(plan.searches)) {
    const doc = await open("/search.html?q=" + words);
    const answered = () => doc.querySelector(".search-summary, #search-results p")?.textContent.includes("found");
    for (let k = 0; k < 100 && !answered(); k++) await pause(100);
    await pause(300);
    const found = [...doc.querySelectorAll("#search-results li > a")].map(a => new URL(a.href).pathname.slice(1));
    seen++;
    if (!found.slice(0, 3).some(page => wanted.includes(page)))
      faults.push(`search for ${words}: none of the first three is ${wanted}, but: ` + found.slice(0, 3));
  }
  return {seen, faults};
}
look().catch(error => ({seen: 0, faults: ["the check itself: " + error.stack]}))
  .then(result => fetch("/-result", {method: "POST", body: JSON.stringify(result)}));
</script>"""
FRAME = """<!doctype html><meta charset=utf-8><style>body {{ margin: 0 }} iframe {{ border: 0 }}</style><script>
localStorage.setItem("theme", "{theme}");
document.write('<iframe src="/{page}.html" width={width} height=1600></iframe>');
</script>"""


class Page(HTMLParser):
    """The targets of a page's links, and what can be a target in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, _, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name"):
                self.anchors.add(value)


def broken_links(site):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in sorted(page.links):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            name = f"{path.relative_to(site)}: the link {link}"
            if not target.is_relative_to(site) or not target.is_file():
                yield f"{name} leads nowhere"
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].anchors:
                yield f"{name} names a place that is not on its page"


class Handler(SimpleHTTPRequestHandler):
    made = {}  # noqa: RUF012  pages that are in no file
    results = queue.Queue()

    def do_GET(self):
        text = self.made.get(self.path)
        if text is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        self.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def served(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser(program, *arguments):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--mute-audio"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}"]
        command += ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def look(program, site):
    pages = [str(path.relative_to(site)) for path in sorted(site.rglob("*.html"))]
    plan = {"pages": pages, "widths": WIDTHS, "searches": SEARCHES}
    Handler.made["/-look.html"] = LOOK.replace("PLAN", json.dumps(plan))
    with served(site) as address, browser(program, f"{address}/-look.html"):
        try:
            return Handler.results.get(timeout=SECONDS)
        except queue.Empty:
            return {"seen": 0, "faults": [f"{program} posted no result within {SECONDS} s"]}


def take_pictures(program, site, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with served(site) as address:
        for page in PICTURES:
            for width in WIDTHS:
                for theme in ("light", "dark"):
                    url = f"/-{page}-{width}-{theme}.html"
                    Handler.made[url] = FRAME.format(page=page, width=width, theme=theme)
                    picture = folder / f"{page.replace('/', '-')}-{width}-{theme}.png"
                    options = f"--window-size={max(width, 500)},1600", f"--screenshot={picture}"
                    with browser(program, *options, f"{address}{url}") as process:
                        process.wait(timeout=SECONDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    faults = list(broken_links(site))
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("check-site: there is no Chromium here, so widths and search were not looked at (apt install chromium)")
    else:
        result = look(program, site)
        faults += result["faults"]
        print(f"check-site: {result['seen']} pages and searches looked at in Chromium")
        if arguments.pictures:
            take_pictures(program, site, arguments.pictures)
    for fault in faults:
        print(f"check-site: {fault}")
    print(f"check-site: {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
