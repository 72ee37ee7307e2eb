"""What a browser makes of the web page: page.py API-HOST PICTURES tests it, page.py URL PICTURES only takes the pictures."""

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

DESKTOP = {"width": 1200, "height": 800}
PHONE = {"width": 360, "height": 740}
# What a user would call broken: the rest of axe's rules are advice.
SERIOUS = {"serious", "critical"}
UNTIL = 15_000


def free_port():
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


class Host:
    """vfpoold's page before a host in memory."""

    def __init__(self, program):
        self.folder = Path(tempfile.mkdtemp())
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.program = program
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, str(self.folder / "socket"), str(self.port), self.token],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            subprocess.run(["sleep", "0.1"], check=True)
        raise SystemExit("web: the host in memory did not come up")

    def order(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def post(self, path, **parameters):
        socket = str(self.folder / "socket")
        subprocess.run(
            ["curl", "-sSf", "-X", "POST", "--unix-socket", socket, f"http://vfpoold{path}?{urlencode(parameters, quote_via=quote)}"],
            check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


class Watched:
    """A page, and all that it asked for, wrote to its console or threw."""

    def __init__(self, context, origin):
        self.page = context.new_page()
        self.origin, self.asked, self.complaints = origin, [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, token):
        self.page.goto(f"{self.origin}/#token={token}")
        expect(self.page.locator("#live")).to_have_text("live", timeout=UNTIL)
        return self.page

    def check(self):
        elsewhere = [url for url in self.asked if not url.startswith((self.origin + "/", "data:"))]
        assert not elsewhere, f"asked for {elsewhere}"
        assert not self.complaints, f"the console says {self.complaints}"
        assert not any("token" in url for url in self.asked), "the token is in an address"


def axe_finds_nothing(page, where):
    response = Axe().run(page).response
    assert len(response["passes"]) > 20, f"axe has looked at little: {len(response['passes'])} rules"
    found = [rule for rule in response["violations"] if rule["impact"] in SERIOUS]
    assert not found, f"axe, {where}: " + "; ".join(
        f"{rule['id']}: {rule['help']} at {[node['target'] for node in rule['nodes']][:3]}" for rule in found)
    print(f"web: axe finds nothing serious: {where}")


def fits(page, where):
    """Nothing reaches beyond the right edge, where a phone would scroll sideways."""
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{where}: {width} px wider than the screen"


def cell(page, vf):
    return page.locator(f'.cell[data-vf="{vf}"]')


def focus(page):
    return page.evaluate("document.activeElement.dataset.vf ?? document.activeElement.id")


def needs_the_token(context, host):
    watched = Watched(context, host.origin)
    for address in (host.origin, f"{host.origin}/#token=wrong"):
        watched.page.goto("about:blank")
        watched.page.goto(address)
        expect(watched.page.locator("#problem-list")).to_contain_text("token", timeout=UNTIL)
    assert watched.page.locator(".cell").count() == 0, "VFs are shown without the token"
    watched.page.close()


def shows_what_is_there(page):
    expect(page).to_have_title("vfpool")
    expect(page.locator("#problems-none")).to_have_text("no problems")
    expect(page.locator("#pool-list h3")).to_have_text(["spread"])
    expect(page.locator("#pool-list .counts")).to_contain_text("3 leased")
    expect(page.locator(".cell")).to_have_count(14)
    expect(page.locator(".cell.leased")).to_have_count(3)
    expect(page.locator("#lease-rows tr")).to_have_count(3)
    assert page.evaluate("location.href").endswith("/"), "the token stays in the address"


def is_live(page, host):
    host.order("start", 4)
    expect(page.locator(".cell.leased")).to_have_count(4, timeout=UNTIL)
    expect(page.locator("#lease-rows")).to_contain_text("g4")
    host.order("stop", 1)
    expect(page.locator(".cell.leased")).to_have_count(3, timeout=UNTIL)
    host.post("/v1/vfs/quarantine", vf="enp2s0/6", why="its cable <b>smells</b> of smoke")
    expect(cell(page, "enp2s0/6")).to_have_class("cell quarantined", timeout=UNTIL)
    expect(page.locator("#problem-list")).to_contain_text("<b>smells</b>")
    expect(page).to_have_title("(1) vfpool")
    expect(page.locator("#problem-news")).to_contain_text("New problem", timeout=UNTIL)


def works_with_the_keyboard(page):
    first = cell(page, "enp1s0/0")
    page.locator('#vfs .grid [tabindex="0"]').first.focus()
    assert focus(page) == "enp1s0/0", f"the first VF that Tab reaches is {focus(page)}"
    # Its seven VFs stand in two lines.
    keys = {"ArrowRight": "1", "End": "5", "Control+End": "6", "ArrowUp": "0", "ArrowDown": "6", "Control+Home": "0"}
    for key, index in keys.items():
        wanted = f"enp1s0/{index}"
        page.keyboard.press(key)
        assert focus(page) == wanted, f"{key} leads to {focus(page)}, not {wanted}"
    expect(first).to_have_attribute("aria-selected", "true")
    expect(page.locator("#details-title")).to_have_text("VF enp1s0/0")
    page.keyboard.press("Escape")
    expect(page.locator("#details-title")).to_have_text("No VF chosen")
    assert focus(page) == "enp1s0/0", "Escape loses the focus"
    # From a grid Tab leads out of it, not through all its VFs.
    page.keyboard.press("Tab")
    assert focus(page) == "enp2s0/0", f"Tab leads to {focus(page)}"
    # All that can be reached shows that it has the focus.
    page.locator("nav a").first.focus()
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        mark = page.evaluate(
            """(() => { const node = document.activeElement, style = getComputedStyle(node);
            return [node.outerHTML.slice(0, 80), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0]; })()""")
        if mark[0].startswith("<body"):
            break
        assert mark[1], f"no sign of the focus on {mark[0]}"
        seen.add(mark[0])
    assert len(seen) >= 11, f"Tab reaches only {seen}"


def has_a_history(page):
    page.locator("#lease-filter").fill("g2")
    expect(page.locator("#lease-rows tr")).to_have_count(1)
    page.locator("#lease-filter").fill("")
    mac = page.locator("#lease-rows .fixed").first.inner_text()
    page.locator("#history-mac").fill(mac.replace(":", "").upper())
    page.keyboard.press("Enter")
    expect(page.locator("#history-rows")).to_contain_text("has it now")
    page.locator("#history-mac").fill("nonsense")
    page.keyboard.press("Enter")
    expect(page.locator("#history-count")).to_contain_text("not a MAC")


def shows_the_fleet(page, host):
    page.get_by_role("link", name="Fleet").click()
    expect(page.locator("#fleet-state")).to_contain_text("1 host is up; this is kvm1")
    expect(page.locator("#fleet-hosts-rows tr")).to_have_count(1)
    before = page.locator("#fleet-pools-rows tr td").nth(3).inner_text()
    host.order("start", 9)
    expect(page.locator("#fleet-pools-rows tr td").nth(3)).to_have_text(str(int(before) + 1), timeout=UNTIL)
    page.locator("#fleet-find").fill("g9")
    page.keyboard.press("Enter")
    expect(page.locator("#fleet-found-rows")).to_contain_text("kvm1")


def survives_a_restart(page, host):
    host.stop()
    expect(page.locator("#live")).to_have_text("not live, trying again", timeout=UNTIL)
    expect(page.locator("#problem-list")).to_contain_text("vfpoold can't be reached", timeout=UNTIL)
    host.start()
    expect(page.locator("#live")).to_have_text("live", timeout=60_000)
    expect(page.locator("#problems-none")).to_have_text("no problems", timeout=UNTIL)


def take_pictures(browser, url, folder):
    for name, size, scheme in (("desktop", DESKTOP, "light"), ("desktop-dark", DESKTOP, "dark"), ("phone", PHONE, "light")):
        page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
        page.goto(url)
        expect(page.locator("#live")).to_have_text("live", timeout=60_000)
        expect(page.locator(".cell").first).to_be_visible()
        leased = page.locator(".cell.leased").first
        if name != "phone" and leased.count():
            leased.click()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=f"{folder}/{name}.png")


def test(browser, host, folder):
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    needs_the_token(context, host)
    watched = Watched(context, host.origin)
    page = watched.open(host.token)
    shows_what_is_there(page)
    is_live(page, host)
    axe_finds_nothing(page, "light")
    works_with_the_keyboard(page)
    has_a_history(page)
    shows_the_fleet(page, host)
    cell(page, "enp2s0/0").click()
    axe_finds_nothing(page, "light, with details, a history and a fleet")
    take_pictures(browser, f"{host.origin}/#token={host.token}", folder)
    watched.check()

    for name, size in (("phone", PHONE), ("desktop", DESKTOP)):
        dark = Watched(browser.new_context(viewport=size, color_scheme="dark", reduced_motion="reduce"), host.origin)
        dark_page = dark.open(host.token)
        fits(dark_page, name)
        cell(dark_page, "enp1s0/1").click()
        fits(dark_page, f"{name}, with details")
        axe_finds_nothing(dark_page, f"dark, {name}, with details")
        dark.check()

    survives_a_restart(page, host)
    # Larger text, as WCAG wants it: 200 % of a desktop is this.
    page.set_viewport_size({"width": 600, "height": 400})
    fits(page, "200 %")


def main():
    what, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Without a sandbox of its own: it is root in tests, and opens nothing but this page.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        if what.startswith("http"):
            take_pictures(browser, what, folder)
            return
        host = Host(what)
        try:
            test(browser, host, folder)
        finally:
            host.remove()
    print(f"web: passed; pictures are in {folder}")


main()
