// The page only reads. Whatever vfpoold tells of, it fetches anew what it shows, and changes only what differs.

// A little more than half a second, as timers may be early.
const refreshGap = 510;
const answerTimeout = 15_000;
const retryAfterFailure = 5_000;
const retryDelays = [1_000, 2_000, 4_000, 8_000, 15_000];
// vfpoold writes a comment now and then: where there were some and there are none any more, the stream is dead.
const silenceLimit = 45_000;
const newsDelay = 1_500;
const historyLimit = 200;
const roomyLimit = 16;
const shortList = 50;
const fleetGap = 2_000;

// A state's letter goes into its cell, so that no colour has to be told from another.
const states = {
  leased: { letter: "L", words: "leased" },
  free: { letter: "F", words: "free" },
  reserved: { letter: "R", words: "reserved" },
  quarantined: { letter: "Q", words: "quarantined" },
  hostUsed: { letter: "H", words: "used by the host" },
  unpooled: { letter: "U", words: "in no pool" },
  gone: { letter: "G", words: "gone" },
};
const unknownState = { letter: "?", words: "unknown" };

const byID = (id) => document.getElementById(id);

// MARK: Text

/** Names come from strangers: what would turn the rest of a line around or can't be seen is replaced. */
function printable(text) {
  return String(text).replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** In its largest unit, as `vfpool status` has it. */
function age(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return "";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

const inSeconds = (time) => (time ? time.replace(/\.\d+Z$/, "Z").replace("T", " ") : "");
const count = (number, one, several) => `${number} ${number === 1 ? one : several}`;
const vfName = (row) => (row.pf && row.index >= 0 ? `${printable(row.pf)}/${row.index}` : (row.pci ?? "none yet"));
const onOff = (value) => (value === null ? null : value ? "on" : "off");
const rate = (value, none) => (value === null ? null : value === 0 ? none : `${value} Mbit/s`);

/** Six octets, however they are written, as vfpoold reads them; null for anything else. */
function readMAC(text) {
  const digits = text.trim().toLowerCase().replace(/[:.\-\s]/g, "");
  return /^[0-9a-f]{12}$/.test(digits) ? digits.match(/../g).join(":") : null;
}

// MARK: Elements

/** Children are nodes or text; a null is left out. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** What `reconcile` has made, by parent and key. */
const entriesOf = new WeakMap();

/**
 * Makes the children of `parent` those of `rows`, in their order. Each row keeps its element as long as its key is
 * there, and is given to `update` only when it differs from what was shown.
 */
function reconcile(parent, rows, key, create, update) {
  if (!entriesOf.has(parent)) entriesOf.set(parent, new Map());
  const known = entriesOf.get(parent);
  const wanted = new Map(rows.map((row) => [key(row), row]));
  // First what goes, so that what stays needn't be moved, which would cost it the focus.
  for (const [id, entry] of known) {
    if (wanted.has(id)) continue;
    entry.node.remove();
    known.delete(id);
  }
  let place = parent.firstElementChild;
  for (const [id, row] of wanted) {
    let entry = known.get(id);
    if (!entry) known.set(id, (entry = { node: create(row), shown: null }));
    const shown = JSON.stringify(row);
    if (entry.shown !== shown) {
      entry.shown = shown;
      update(entry.node, row);
    }
    if (entry.node === place) place = place.nextElementSibling;
    else parent.insertBefore(entry.node, place);
  }
}

/** Commands in vfpoold's texts stand between backticks. */
function withCommands(text) {
  return printable(text).split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

// MARK: Access

class Refused extends Error {}

/** Over TCP a token is needed. It comes in the fragment, which browsers don't send, and doesn't stay in the address. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  token = given;
  try {
    sessionStorage.setItem("token", given);
  } catch {
    // Then it lasts as long as the page.
  }
  return true;
}

function storedToken() {
  try {
    return sessionStorage.getItem("token");
  } catch {
    return null;
  }
}

let token = storedToken();
takeToken();

async function get(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const safe = { cache: "no-store", credentials: "omit", redirect: "error" };
  const response = await fetch(path, { ...safe, ...options, headers });
  if (response.status === 401 || response.status === 403) {
    throw new Refused(
      token
        ? "vfpoold doesn't take this token: open the page with another one, as …/#token=TOKEN"
        : "vfpoold wants a token: open the page as …/#token=TOKEN"
    );
  }
  if (!response.ok) {
    const failure = await response.json().catch(() => null);
    const error = new Error(failure?.error ?? `vfpoold answers ${path} with ${response.status}`);
    throw Object.assign(error, { status: response.status });
  }
  return response;
}

const getText = async (path) => (await get(path, { signal: AbortSignal.timeout(answerTimeout) })).text();

/** Why a request failed, for people. */
function reason(error) {
  if (error instanceof Refused) return error.message;
  if (error.name === "TimeoutError") return "vfpoold doesn't answer";
  if (error instanceof TypeError) return "vfpoold can't be reached";
  return error.message;
}

// MARK: What is shown

const shown = { status: null, vfs: [], statusText: "", vfsText: "", at: null, failure: null, isLive: false };
let selected = null;

async function load() {
  try {
    const [statusText, vfsText] = await Promise.all([getText("v1/status"), getText("v1/vfs")]);
    const hasFailed = shown.failure !== null;
    shown.failure = null;
    shown.at = new Date();
    if (statusText !== shown.statusText || vfsText !== shown.vfsText || hasFailed) {
      [shown.status, shown.vfs] = [JSON.parse(statusText), JSON.parse(vfsText)];
      [shown.statusText, shown.vfsText] = [statusText, vfsText];
      show();
    }
    if (searchedMAC) await loadHistory();
  } catch (error) {
    shown.failure = reason(error);
    showProblems();
  }
  showLive();
}

function show() {
  const { status, vfs } = shown;
  const connection = status.libvirtConnected ? "connected to libvirt" : "not connected to libvirt";
  setText(byID("daemon"), `vfpoold ${printable(status.version)}, ${connection}`);
  showProblems();
  showPools(status.pools);
  showLegend(vfs);
  showPFs(status.pfs, vfs);
  showDetails();
  showLeases();
}

// MARK: Live

let refreshTimer = null;
let isLoading = false;
let isStale = false;
let lastLoad = -Infinity;

/** Soon, but at most every `refreshGap`, never twice at once, and not while nobody looks. */
function refresh() {
  isStale = true;
  if (isLoading || refreshTimer !== null || document.hidden) return;
  refreshTimer = setTimeout(async () => {
    refreshTimer = null;
    isStale = false;
    isLoading = true;
    lastLoad = performance.now();
    await load();
    isLoading = false;
    if (isStale) refresh();
    // While the stream lives nobody else would try again.
    else if (shown.failure !== null && shown.isLive) setTimeout(refresh, retryAfterFailure);
  }, Math.max(0, lastLoad + refreshGap - performance.now()));
}

function showLive() {
  const node = byID("live");
  const state = shown.isLive && shown.failure === null ? "live" : shown.isLive || !isFirstTry ? "broken" : "waiting";
  setAttribute(node, "data-state", state);
  byID("as-of").hidden = state !== "broken";
  if (state === "live") return setText(node, "live");
  if (state === "waiting") return setText(node, "waiting for vfpoold");
  const time = shown.at?.toLocaleTimeString("en-GB");
  setText(node, "not live, trying again");
  // Not in the live region: while only the stream is missing, the time goes on.
  setText(byID("as-of"), time ? `as of ${time}` : "");
}

let isFirstTry = true;
/** Ends each stream that is read, and each wait for the next try. */
const stops = new Set();

/** `EventSource` can't send a token, so the stream is read here. Reads until it ends. */
async function readStream(path, onOpen, onEvent) {
  const abort = new AbortController();
  const stop = () => abort.abort();
  stops.add(stop);
  let lastSign = performance.now();
  let hasBeat = false;
  const answer = setTimeout(() => abort.abort(), answerTimeout);
  const watch = setInterval(() => {
    if (hasBeat && performance.now() - lastSign > silenceLimit) abort.abort();
  }, 5_000);
  try {
    const response = await get(path, { signal: abort.signal, headers: { Accept: "text/event-stream" } });
    clearTimeout(answer);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      throw new Error(`vfpoold answers ${path} with something else than events`);
    }
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let hasData = false;
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      lastSign = performance.now();
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith(":")) hasBeat = true;
        else if (line.startsWith("data")) hasData = true;
        else if (line === "" && hasData) {
          hasData = false;
          onEvent();
        }
      }
    }
  } finally {
    clearTimeout(answer);
    clearInterval(watch);
    stops.delete(stop);
  }
}

/** Reads a stream for as long as the page is open. What happened before it begins isn't told: `onEvent` is called then, too. */
async function followStream(path, onEvent, onOpen = () => {}, onEnd = () => {}) {
  let failedTries = 0;
  while (true) {
    try {
      await readStream(path, () => {
        failedTries = 0;
        onOpen();
        onEvent();
      }, onEvent);
    } catch {
      // Why shows when the rest is fetched.
    }
    onEnd();
    const delay = retryDelays[Math.min(failedTries, retryDelays.length - 1)];
    failedTries += 1;
    await new Promise((resolve) => {
      stops.add(resolve);
      setTimeout(() => {
        stops.delete(resolve);
        resolve();
      }, delay);
    });
  }
}

function follow() {
  followStream("v1/events", refresh, () => {
    shown.isLive = true;
  }, () => {
    shown.isLive = false;
    isFirstTry = false;
    showLive();
    // Perhaps only the stream is missing: then the page is right, if late.
    refresh();
  });
}

function startOver() {
  for (const stop of [...stops]) stop();
}

// MARK: Problems

let problemsBefore = null;
let newsTimer = null;

function problems() {
  const all = [];
  if (shown.failure !== null) all.push(shown.failure);
  if (shown.status !== null) {
    const told = shown.status.problems;
    if (!shown.status.libvirtConnected && !told.some((text) => text.startsWith("not connected to libvirt"))) {
      all.push("vfpoold isn't connected to libvirt");
    }
    all.push(...told);
  }
  return [...new Set(all)];
}

function showProblems() {
  const all = problems();
  const list = byID("problem-list");
  list.hidden = all.length === 0;
  byID("problems-none").hidden = all.length > 0;
  if (shown.status !== null) setText(byID("problems-none"), "no problems");
  setText(byID("problems-title"), all.length > 0 ? `Problems (${all.length})` : "Problems");
  document.title = all.length > 0 ? `(${all.length}) vfpool` : "vfpool";
  reconcile(
    list,
    all,
    (text) => text,
    (text) => element("li", {}, element("p", {}, ...withCommands(text.split("\n")[0])), ...moreLines(text)),
    () => {}
  );
  tellNews(all);
}

function moreLines(text) {
  const lines = text.split("\n").slice(1).filter((line) => line !== "");
  return lines.map((line) => element("p", { class: "more" }, ...withCommands(line.trim())));
}

/** For screen readers: what is new, once things have settled, and not what was there when the page was opened. */
function tellNews(all) {
  if (problemsBefore === null) {
    if (shown.status !== null) problemsBefore = new Set(all);
    return;
  }
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => {
    const now = problems();
    const fresh = now.filter((text) => !problemsBefore.has(text));
    let news = null;
    if (fresh.length === 1) news = `New problem: ${printable(fresh[0].split("\n")[0])}`;
    else if (fresh.length > 1) news = `${fresh.length} new problems`;
    else if (now.length === 0 && problemsBefore.size > 0) news = "No problems any more";
    if (news !== null) setText(byID("problem-news"), news.replaceAll("`", ""));
    problemsBefore = new Set(now);
  }, newsDelay);
}

// MARK: Pools

const poolParts = ["leased", "reserved", "hostUsed", "quarantined", "gone", "free"];

function showPools(pools) {
  byID("pools-none").hidden = pools.length > 0;
  reconcile(
    byID("pool-list"),
    pools,
    (pool) => pool.name,
    (pool) => {
      const heading = element("h3", {}, printable(pool.name));
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      for (const [name, value] of Object.entries({ class: "bar", "aria-hidden": "true", focusable: "false" })) {
        bar.setAttribute(name, value);
      }
      for (const part of poolParts) {
        const piece = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        piece.setAttribute("class", `part ${part}`);
        piece.setAttribute("height", "100%");
        bar.append(piece);
      }
      return element(
        "li", {},
        element("div", { class: "title" }, heading, element("p", { class: "quiet" })),
        bar, element("ul", { class: "counts" })
      );
    },
    updatePool
  );
}

function updatePool(node, pool) {
  const flags = [pool.active ? null : "inactive", pool.total > 0 && pool.free === 0 ? "none free" : null]
    .filter((flag) => flag !== null);
  const words = [pool.mode, pool.policy, pool.autostart ? null : "no autostart", count(pool.total, "VF", "VFs")];
  node.querySelector(".title .quiet").replaceChildren(
    ...flags.flatMap((flag) => [element("strong", { class: "flag" }, flag), ", "]),
    [pool.active ? "active" : null, ...words].filter((word) => word !== null).map(printable).join(", ")
  );
  const shares = barShares(poolParts.map((part) => pool[part]));
  let from = 0;
  for (const [place, piece] of node.querySelectorAll(".part").entries()) {
    piece.setAttribute("x", `${from}%`);
    piece.setAttribute("width", `${shares[place]}%`);
    from += shares[place];
  }
  node.querySelector(".counts").replaceChildren(
    ...Object.keys(states).filter((part) => pool[part] > 0 || part === "leased" || part === "free").map((part) =>
      element("li", {}, sign(part), `${pool[part]} ${states[part].words}`)
    )
  );
}

/** In percent; what there is can be seen, at the cost of the largest. */
function barShares(counts) {
  const total = counts.reduce((sum, number) => sum + number, 0);
  const shares = counts.map((number) => (number === 0 ? 0 : Math.max(2, (number / total) * 100)));
  const largest = shares.indexOf(Math.max(...shares));
  if (total > 0) shares[largest] -= shares.reduce((sum, share) => sum + share, 0) - 100;
  return shares;
}

const sign = (state) =>
  element("span", { class: `sign ${state}`, "aria-hidden": "true" }, (states[state] ?? unknownState).letter);

function showLegend(vfs) {
  const counts = new Map(Object.keys(states).map((state) => [state, 0]));
  for (const vf of vfs) counts.set(vf.state, (counts.get(vf.state) ?? 0) + 1);
  reconcile(
    byID("legend"),
    [...counts].filter(([state, number]) => number > 0 || state === "free" || state === "leased"),
    ([state]) => state,
    ([state]) => element("li", {}, sign(state), element("span")),
    (node, [state, number]) => setText(node.lastChild, `${number} ${(states[state] ?? unknownState).words}`)
  );
}

// MARK: PFs and VFs

// A VF that is gone may have no place on a card any more.
const vfKey = (vf) => (vf.pf && vf.index >= 0 ? `${vf.pf}/${vf.index}` : `pci ${vf.pci}`);

function showPFs(pfs, vfs) {
  const byPF = new Map(pfs.map((pf) => [pf.name, []]));
  for (const vf of vfs) {
    const name = byPF.has(vf.pf) ? vf.pf : "";
    if (!byPF.has(name)) byPF.set(name, []);
    byPF.get(name).push(vf);
  }
  byID("pfs-none").hidden = byPF.size > 0;
  const cards = pfs.map((pf) => ({ pf, vfs: byPF.get(pf.name) }));
  if (byPF.has("")) cards.push({ pf: null, vfs: byPF.get("") });
  reconcile(
    byID("pf-list"),
    cards,
    ({ pf }) => (pf ? `pf ${pf.name}` : ""),
    ({ pf }) => {
      const name = pf ? printable(pf.name) : "On no PF";
      const grid = element("div", {
        class: "grid", role: "listbox", "aria-orientation": "horizontal",
        "aria-label": pf ? `VFs of ${name}` : "VFs on no PF",
      });
      return element(
        "article", { class: "pf" },
        element("div", { class: "title" }, element("h3", {}, name), element("p", { class: "quiet" })),
        element("p", { class: "flag unsupported", hidden: "" }), grid
      );
    },
    updatePF
  );
}

function updatePF(node, { pf, vfs }) {
  const about = node.querySelector(".title p");
  if (pf) {
    const link = pf.carrier === true ? "link up" : pf.carrier === false ? "no carrier" : "down";
    const rest = [
      pf.speed ? (pf.speed >= 1000 ? `${pf.speed / 1000} Gbit/s` : `${pf.speed} Mbit/s`) : null,
      pf.pci, pf.driver, pf.numaNode === null ? null : `NUMA node ${pf.numaNode}`,
      pf.eswitchMode === "switchdev" ? "switchdev" : null,
      `${pf.numVFs} of ${count(pf.totalVFs, "VF", "VFs")} made, ${pf.leased} leased, ${pf.free} free`,
    ];
    about.replaceChildren(
      element(pf.carrier === true ? "span" : "strong", pf.carrier === true ? {} : { class: "flag" }, link),
      ", " + rest.filter((word) => word !== null).map(printable).join(", ")
    );
    const unsupported = node.querySelector(".unsupported");
    unsupported.hidden = pf.unsupported === null;
    setText(unsupported, pf.unsupported === null ? "" : `vfpool can't serve this PF: ${printable(pf.unsupported)}`);
  } else {
    setText(about, "listed by a pool, but this host doesn't have them");
  }
  const grid = node.querySelector(".grid");
  grid.hidden = vfs.length === 0;
  grid.classList.toggle("roomy", vfs.length <= roomyLimit);
  const focused = grid.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? [...grid.children].indexOf(focused) : -1;
  reconcile(grid, vfs, vfKey, createCell, updateCell);
  if (grid.children.length === 0) return;
  if (!grid.querySelector('[tabindex="0"]')) grid.firstElementChild.tabIndex = 0;
  if (focused && !focused.isConnected) choose(grid.children[Math.min(place, grid.children.length - 1)]);
}

function createCell(vf) {
  return element(
    "div",
    { role: "option", tabindex: "-1", "aria-selected": "false", "data-vf": vfKey(vf) },
    element("span", { class: "index" }), element("span", { class: "letter" }), element("span", { class: "holder" })
  );
}

function updateCell(cell, vf) {
  const state = states[vf.state] ?? unknownState;
  const [index, letter, holder] = cell.children;
  cell.className = `cell ${states[vf.state] ? vf.state : "unknown"}`;
  setText(index, vf.index >= 0 ? String(vf.index) : "–");
  setText(letter, state.letter);
  setText(holder, vf.guest !== null ? printable(vf.guest) : vf.index >= 0 ? state.words : (vf.pci ?? ""));
  const parts = [`VF ${vfName(vf)}`, state.words];
  if (vf.guest !== null) parts.push(`guest ${printable(vf.guest)}`);
  if (vf.why !== null) parts.push(printable(vf.why));
  setAttribute(cell, "aria-label", parts.join(", "));
  setAttribute(cell, "title", parts.join(", "));
}

/** Makes a cell the one of its grid that Tab reaches, and shows what is known of its VF. */
function select(cell) {
  const before = document.querySelector('.cell[aria-selected="true"]');
  if (before !== cell) before?.setAttribute("aria-selected", "false");
  for (const other of cell.parentElement.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  cell.tabIndex = 0;
  cell.setAttribute("aria-selected", "true");
  selected = cell.dataset.vf;
  document.documentElement.classList.add("has-details");
  showDetails();
  // On narrow screens the details may have come up over it.
  cell.scrollIntoView({ block: "nearest" });
}

/** Frees the room that the details take; the focus stays with the VF, or comes back to it. */
function closeDetails() {
  const cell = document.querySelector('.cell[aria-selected="true"]');
  if (byID("details").contains(document.activeElement)) cell?.focus({ preventScroll: true });
  cell?.setAttribute("aria-selected", "false");
  selected = null;
  detailsMAC = null;
  document.documentElement.classList.remove("has-details");
  for (const id of ["details-fields", "details-history", "details-close"]) byID(id).hidden = true;
  byID("details-hint").hidden = false;
  setText(byID("details-hint"), detailsHint);
  setText(byID("details-title"), "No VF chosen");
}

function choose(cell) {
  cell.focus();
  select(cell);
}

/** The cell that an arrow key leads to; cells wrap, so the next line is looked for where it is on the screen. */
function neighbour(cell, key, isControl) {
  const cells = [...cell.parentElement.children];
  const place = cells.indexOf(cell);
  if (key === "ArrowRight") return cells[place + 1];
  if (key === "ArrowLeft") return cells[place - 1];
  const firstLine = cells.findIndex((other) => other.offsetTop !== cells[0].offsetTop);
  const columns = firstLine < 0 ? cells.length : firstLine;
  const start = place - (place % columns);
  if (key === "Home") return isControl ? cells[0] : cells[start];
  if (key === "End") return isControl ? cells.at(-1) : cells[Math.min(start + columns, cells.length) - 1];
  if (key === "ArrowUp") return cells[place - columns];
  // Below a line that is longer than the last one: to the last cell.
  return cells[place + columns] ?? (start + columns < cells.length ? cells.at(-1) : undefined);
}

const gridKeys = new Set(["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"]);

function onGridKey(event) {
  const cell = event.target.closest(".cell");
  if (!cell || event.altKey || event.metaKey || event.shiftKey || !gridKeys.has(event.key)) return;
  event.preventDefault();
  const next = neighbour(cell, event.key, event.ctrlKey);
  if (next) choose(next);
}

// MARK: Details of a VF

const detailsHint = byID("details-hint").textContent;
let detailsShown = "";
let detailsMAC = null;

function showDetails() {
  if (selected === null) return;
  const vf = shown.vfs.find((row) => vfKey(row) === selected);
  const fields = byID("details-fields");
  const hint = byID("details-hint");
  fields.hidden = !vf;
  hint.hidden = Boolean(vf);
  detailsMAC = vf?.leaseMac ?? null;
  byID("details-history").hidden = detailsMAC === null;
  byID("details-close").hidden = false;
  if (!vf) {
    detailsShown = "";
    setText(byID("details-title"), "This VF is gone");
    setText(hint, "The host doesn't have it any more, and no pool lists it.");
    return;
  }
  const lease = shown.status.leases.find((row) => row.pci !== null && row.pci === vf.pci && row.state !== "freed");
  const all = detailFields(vf, lease);
  setText(byID("details-title"), `VF ${vfName(vf)}`);
  const text = JSON.stringify(all);
  if (text === detailsShown) return;
  detailsShown = text;
  fields.replaceChildren(
    ...all.map(([name, value, state]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, state ? sign(state) : null, value))
    )
  );
}

/** As `vfpool vf show` has them; what isn't known is left out. */
function detailFields(vf, lease) {
  const vlan = vf.vlan === null ? "none" : `${vf.vlan}, qos ${vf.qos ?? 0}${vf.vlanProto ? `, ${vf.vlanProto}` : ""}`;
  const sharing = vf.iommuGroupOthers.length > 0 ? `, with ${vf.iommuGroupOthers.join(", ")}` : "";
  const group = vf.iommuGroup === null ? null : `${vf.iommuGroup}${sharing}`;
  const all = [
    ["State", (states[vf.state] ?? unknownState).words, vf.state],
    ["Why", vf.why],
    ["Guest", vf.guest],
    ["Guest's MAC", vf.leaseMac],
    ["Lease", lease?.state ?? null],
    ["Since", inSeconds(lease?.since)],
    ["Portgroup", lease?.portgroup ?? null],
    ["Pool", vf.pool],
    ["PCI address", vf.pci],
  ];
  if (vf.isComplete && vf.state !== "gone") {
    all.push(
      ["MAC", vf.mac],
      ["VLAN", vlan],
      ["Trust", onOff(vf.trust)],
      ["Spoof check", onOff(vf.spoofchk)],
      ["Link state", vf.linkState],
      ["Minimal rate", rate(vf.minTxRate, "none")],
      ["Maximal rate", rate(vf.maxTxRate, "unlimited")],
    );
  } else if (vf.state !== "gone") {
    all.push(["Settings", "not known: the kernel's answer lacked this VF"]);
  }
  all.push(
    ["MTU", vf.mtu],
    ["Driver", vf.driver],
    ["Netdev", vf.netdev],
    ["Representor", vf.representor],
    ["NUMA node", vf.numaNode],
    ["IOMMU group", group],
  );
  return all
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value, ...rest]) => [name, printable(value), ...rest]);
}

// MARK: Leases

const cell = (label, ...children) => element("td", { role: "cell", "data-label": label }, ...children);

let showsAllLeases = false;

function showLeases() {
  const all = shown.status?.leases ?? [];
  const wanted = byID("lease-filter").value.trim().toLowerCase();
  const words = (lease) => [lease.guest, lease.pool, vfName(lease), lease.pci ?? "", lease.mac];
  const some = all.filter((lease) => words(lease).some((text) => text.toLowerCase().includes(wanted)));
  const more = byID("lease-more");
  more.hidden = some.length <= shortList;
  setText(more, showsAllLeases ? `Show only ${shortList}` : `Show all ${some.length}`);
  byID("lease-table").hidden = some.length === 0;
  setText(byID("lease-count"),
    all.length === 0 ? "no leases" : wanted ? `${some.length} of ${all.length}` : count(all.length, "lease", "leases"));
  reconcile(
    byID("lease-rows"),
    showsAllLeases ? some : some.slice(0, shortList),
    (lease) => lease.id,
    () => element("tr", { role: "row" }),
    (node, lease) => node.replaceChildren(
      cell("Guest", element("b", {}, printable(lease.guest))),
      cell("Pool", printable(lease.pool) + (lease.portgroup ? `, ${printable(lease.portgroup)}` : "")),
      cell("VF", vfName(lease)),
      cell("MAC", element("span", { class: "fixed" }, lease.mac)),
      cell("State", lease.state === "active" ? "active" : element("strong", { class: "flag" }, printable(lease.state))),
      element("td", { role: "cell", "data-label": "Age", class: "number" },
        element("time", { datetime: lease.since, title: inSeconds(lease.since) }, age(lease.since)))
    )
  );
}

function showAges() {
  for (const time of byID("lease-rows").querySelectorAll("time")) setText(time, age(time.dateTime));
}

// MARK: History

let searchedMAC = null;

function search(text) {
  const mac = readMAC(text);
  const input = byID("history-mac");
  input.setAttribute("aria-invalid", String(text.trim() !== "" && mac === null));
  searchedMAC = mac;
  byID("history-table").hidden = true;
  setText(byID("history-count"), "");
  if (mac === null) {
    if (text.trim() !== "") setText(byID("history-count"), "This is not a MAC like 52:54:00:12:34:56.");
    return;
  }
  input.value = mac;
  loadHistory();
}

async function loadHistory() {
  const mac = searchedMAC;
  let rows;
  try {
    rows = JSON.parse(await getText(`v1/leases/history?mac=${encodeURIComponent(mac)}&limit=${historyLimit}`));
  } catch (error) {
    if (mac === searchedMAC) setText(byID("history-count"), reason(error));
    return;
  }
  // Meanwhile another one may have been asked for.
  if (mac !== searchedMAC) return;
  const open = (shown.status?.leases ?? []).filter((lease) => lease.mac === mac).reverse();
  byID("history-table").hidden = rows.length + open.length === 0;
  setText(byID("history-count"),
    rows.length + open.length === 0 ? "nobody had it, as far as the history goes"
      : rows.length >= historyLimit ? `the newest ${historyLimit} that are over`
        : [open.length > 0 ? count(open.length, "open lease", "open leases") : null, `${rows.length} over`]
          .filter((part) => part !== null).join(", "));
  reconcile(
    byID("history-rows"),
    [...open, ...rows],
    (lease) => lease.id,
    () => element("tr", { role: "row" }),
    (node, lease) => node.replaceChildren(
      cell("Guest", element("b", {}, printable(lease.guest))),
      cell("Pool", printable(lease.pool)),
      cell("VF", vfName(lease)),
      cell("Since", element("time", { datetime: lease.since }, inSeconds(lease.since))),
      cell("Until", lease.until ? element("time", { datetime: lease.until }, inSeconds(lease.until)) : "has it now"),
      cell("Outcome",
        lease.outcome === "failed"
          ? element("strong", { class: "flag" }, "failed") : (lease.outcome ?? printable(lease.state)),
        lease.reason ? `: ${printable(lease.reason)}` : null)
    )
  );
}

// MARK: Fleet

const fleet = { text: "", status: null, isLoading: false, isStale: false };

/** Shows the section where the host is in a fleet. */
async function joinFleet() {
  while (!(await loadFleet())) await new Promise((resolve) => setTimeout(resolve, retryDelays.at(-1)));
  if (fleet.status !== null) followStream("v1/fleet/events", refreshFleet);
}

/** At most every `fleetGap`, never twice at once, and not while nobody looks. */
async function refreshFleet() {
  fleet.isStale = true;
  if (fleet.isLoading) return;
  fleet.isLoading = true;
  while (fleet.isStale && !document.hidden) {
    fleet.isStale = false;
    await loadFleet();
    await new Promise((resolve) => setTimeout(resolve, fleetGap));
  }
  fleet.isLoading = false;
}

/** False: it isn't known yet whether there is a fleet. */
async function loadFleet() {
  let text;
  try {
    text = await getText("v1/fleet/status");
  } catch (error) {
    if (error.status === 404) return true;
    if (fleet.status !== null) setText(byID("fleet-state"), reason(error));
    fleet.text = "";
    return false;
  }
  if (text !== fleet.text) {
    fleet.text = text;
    fleet.status = JSON.parse(text);
    showFleet(fleet.status);
  }
  return true;
}

function showFleet(status) {
  for (const id of ["fleet", "fleet-link"]) byID(id).hidden = false;
  const state = status.connected
    ? `${count(status.hosts.length, "host is", "hosts are")} up; this is ${printable(status.host)}`
    : `${printable(status.host)} is not in the fleet: ${printable(status.why ?? "")}`;
  setText(byID("fleet-state"), state + (status.pending > 0 ? `; ${status.pending} records still to be written` : ""));
  byID("fleet-state").classList.toggle("flag", !status.connected);
  const conflicts = status.conflicts.map((row) => {
    const winner = row.winner === null ? "is bound anew" : `is bound to ${row.winner} on ${row.winnerHost}, which had it first`;
    return `MAC ${row.mac} of guest ${row.guest} on ${row.host} ${winner}`;
  });
  const clashes = status.clashes.map((row) =>
    `MAC ${row.mac} is live on ${row.host} and on ${row.otherHost}, there with guest ${row.otherGuest}`
  );
  const failures = status.netdefs.flatMap((netdef) =>
    netdef.failures.map((row) => `netdef ${netdef.pool} is not applied on ${row.host}: ${row.why}`)
  );
  const members = status.members.filter((row) => row.problem !== null).map((row) => `etcd ${row.endpoint}: ${row.problem}`);
  const all = [...conflicts, ...clashes, ...failures, ...members];
  byID("fleet-problems").hidden = all.length === 0;
  reconcile(
    byID("fleet-problems"), all, (text) => text, (text) => element("li", {}, element("p", {}, printable(text))), () => {}
  );
  showRows("fleet-pools", status.pools, (row) => row.pool, (row) => [
    cell("Pool", element("b", {}, printable(row.pool))), cell("Hosts", String(row.hosts)),
    cell("VFs", String(row.total)), cell("Leased", String(row.leased)), cell("Free", String(row.free)),
    cell("Others", String(row.others)),
  ]);
  showRows("fleet-hosts", status.hosts, (row) => row.host, (row) => [
    cell("Host", element("b", {}, printable(row.host))), cell("VFs", String(row.vfs)),
    cell("Leased", String(row.leased)), cell("Free", String(row.free)), cell("Pools", printable(row.pools.join(", "))),
    cell("Since", element("time", { datetime: row.since }, inSeconds(row.since))),
  ]);
}

/** Rows of a table that is hidden while it has none. */
function showRows(name, rows, key, cells) {
  byID(`${name}-table`).hidden = rows.length === 0;
  reconcile(
    byID(`${name}-rows`), rows, key, () => element("tr", { role: "row" }),
    (node, row) => node.replaceChildren(...cells(row))
  );
}

async function findInFleet() {
  const wanted = byID("fleet-find").value.trim();
  if (wanted === "") return;
  const mac = readMAC(wanted);
  const query = mac === null ? `guest=${encodeURIComponent(wanted)}` : `mac=${encodeURIComponent(mac)}`;
  let rows;
  try {
    rows = JSON.parse(await getText(`v1/fleet/find?${query}`));
  } catch (error) {
    return setText(byID("fleet-count"), reason(error));
  }
  setText(byID("fleet-count"), rows.length === 0 ? "no host of the fleet knows it" : count(rows.length, "MAC", "MACs"));
  showRows("fleet-found", rows, (row) => `${row.mac} ${row.host} ${row.guest}`, (row) => [
    cell("MAC", element("span", { class: "fixed" }, row.mac)), cell("Guest", element("b", {}, printable(row.guest))),
    cell("Host", printable(row.host)), cell("Runs", row.live ? "yes" : "no"), cell("Pool", printable(row.pool ?? "none")),
  ]);
}

// MARK: Start

byID("pf-list").addEventListener("keydown", onGridKey);
byID("pf-list").addEventListener("focusin", (event) => {
  const target = event.target.closest(".cell");
  if (target) select(target);
});
byID("pf-list").addEventListener("click", (event) => {
  const target = event.target.closest(".cell");
  if (target) choose(target);
});
byID("details-history").addEventListener("click", () => {
  const mac = detailsMAC;
  byID("history-mac").value = mac;
  byID("history-mac").focus();
  search(mac);
});
byID("details-close").addEventListener("click", closeDetails);
byID("vfs").addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeDetails();
});
byID("lease-more").addEventListener("click", () => {
  showsAllLeases = !showsAllLeases;
  showLeases();
});
byID("lease-filter").addEventListener("input", showLeases);
byID("history-form").addEventListener("submit", (event) => {
  event.preventDefault();
  search(byID("history-mac").value);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  showAges();
  if (isStale) refresh();
  if (fleet.isStale) refreshFleet();
});
addEventListener("online", startOver);
addEventListener("hashchange", () => {
  if (!takeToken()) return;
  startOver();
});
setInterval(() => {
  if (!document.hidden) showAges();
}, 10_000);

byID("fleet-form").addEventListener("submit", (event) => {
  event.preventDefault();
  findInFleet();
});

refresh();
follow();
joinFleet();
