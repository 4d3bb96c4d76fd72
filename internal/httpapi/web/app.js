// What moves on the pages of a node. The server renders; this asks for the page
// again and puts the parts that have changed in place, and draws curves from a
// job's event stream.
"use strict";

const refreshEvery = 2000; // ms
const $ = (id) => document.getElementById(id);

// say shows a problem on top of the page, or nothing.
function say(text) {
  const p = document.createElement("p");
  p.className = "failure";
  p.textContent = text;
  $("banner").replaceChildren(...(text ? [p] : []));
}

// keepGone keeps the rows of nodes that are not told of any more, in red.
function keepGone(old, fresh) {
  const has = new Set([...fresh.querySelectorAll("[data-node]")].map((r) => r.dataset.node));
  for (const row of old.querySelectorAll("[data-node]")) {
    if (has.has(row.dataset.node)) continue;
    const gone = row.cloneNode(true);
    gone.className = "gone";
    gone.querySelector(".heard").textContent = "gone";
    for (const chip of gone.querySelectorAll(".worker, .range, .leads")) chip.remove();
    fresh.append(gone);
  }
}

// place puts the parts of a fresh page that have changed into this one.
function place(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${old.dataset.live}"]`);
    if (!fresh) continue;
    if (old.dataset.keep) keepGone(old, fresh);
    if (old.innerHTML === fresh.innerHTML) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceChildren(...fresh.childNodes);
    if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  const stop = $("stop"), now = page.getElementById("stop");
  if (stop && now) stop.hidden = now.hidden;
}

async function refresh() {
  try {
    const reply = await fetch(location.href, { signal: AbortSignal.timeout(5000) });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    place(page);
    say(page.getElementById("banner")?.textContent.trim() || "");
  } catch {
    say("The node does not answer: what is shown here is old.");
  }
}

let over = false; // the job of this page

async function keepFresh() {
  if (!document.hidden && document.querySelector("[data-live]")) await refresh();
  if (!over) setTimeout(keepFresh, refreshEvery);
}

// ---- charts

const svgElement = (name, attributes, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
};

// steps returns round numbers from low to high, about n of them.
function steps(low, high, n) {
  const rough = (high - low) / n || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const list = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) list.push(i * step);
  return list;
}

const short = (x) => Math.abs(x) >= 1e9 ? +(x / 1e9).toPrecision(3) + " G" : Math.abs(x) >= 1e6 ? +(x / 1e6).toPrecision(3) + " M"
  : Math.abs(x) >= 1e4 ? +(x / 1e3).toPrecision(3) + " k" : String(+x.toPrecision(4));

// thin leaves out points that nobody could tell apart; the last one stays.
function thin(points, n = 400) {
  const every = Math.ceil(points.length / n);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

// draw draws series, each {name, points: [[x, y], ...], dots}, into an svg element.
function draw(svg, series, { title, unit, fromZero }) {
  const all = series.flatMap((s) => s.points);
  if (all.length === 0) return;
  const width = svg.clientWidth || 400, height = svg.clientHeight || 220, left = 52, right = 12, top = 10, bottom = 24;
  const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
  const span = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
  let [x0, x1] = span(xs), [y0, y1] = span(ys);
  if (fromZero) y0 = 0;
  const pad = (y1 - y0 || Math.abs(y1) || 1) * 0.08;
  y1 += pad;
  if (!fromZero) y0 -= pad;
  if (x1 === x0) x1 = x0 + 1;
  const x = (v) => left + (v - x0) / (x1 - x0) * (width - left - right);
  const y = (v) => top + (y1 - v) / (y1 - y0) * (height - top - bottom);
  const parts = [];
  for (const v of steps(y0, y1, 6)) {
    parts.push(svgElement("line", { class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v) }));
    parts.push(svgElement("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, short(v)));
  }
  for (const v of steps(x0, x1, Math.max(2, width / 110))) {
    parts.push(svgElement("text", { x: x(v), y: height - 6, "text-anchor": "middle" }, short(v) + unit));
  }
  for (const s of series) {
    const g = svgElement("g", { class: s.look }), points = thin(s.points);
    if (points.length > 1) g.append(svgElement("path", { d: "M" + points.map((p) => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("L") }));
    for (const p of points.length > 60 || !s.dots && points.length > 1 ? points.slice(-1) : points) {
      const dot = svgElement("circle", { cx: x(p[0]), cy: y(p[1]), r: 3.2 });
      dot.append(svgElement("title", {}, `${s.name}: ${short(p[1])}`));
      g.append(dot);
    }
    parts.push(g);
  }
  svg.replaceChildren(...parts);
  svg.setAttribute("aria-label", `${title}: ` + series.filter((s) => s.points.length).map((s) => `${s.name} ${short(s.points.at(-1)[1])}`).join(", "));
}

// ---- a job

// lossIn returns the loss of a set of rows as training measures it: that of the
// linear model is half the squared error.
const lossIn = (m) => m.logloss ?? (m.mse === undefined ? undefined : m.mse / 2);

const troubles = ["failure", "restore", "recovery", "fenced"];

class JobView {
  constructor(id) {
    this.train = { name: "train, progressive", look: "s0", points: [], dots: true };
    this.holdout = { name: "holdout", look: "s1", points: [], dots: true };
    this.test = { name: "test", look: "s2", points: [], dots: true };
    this.rate = { name: "rows a second", look: "s0", points: [] };
    this.live = []; // points within the epoch that runs
    this.before = []; // statuses of the last seconds
    this.pending = false;
    const source = new EventSource(`/v1/jobs/${id}/events`);
    source.addEventListener("event", (m) => this.event(JSON.parse(m.data)));
    source.addEventListener("status", (m) => this.status(JSON.parse(m.data)));
    source.addEventListener("outcome", () => { source.close(); this.end(); });
    new ResizeObserver(() => this.drawSoon()).observe($("charts"));
  }

  event(e) {
    const learned = e.metrics?.progressive_loss ?? e.metrics?.loss; // a full-batch method has one before any step
    if (e.kind === "epoch" && learned != null) {
      this.train.points = this.train.points.filter((p) => p[0] < e.epoch); // a job that went back says it again
      this.train.points.push([e.epoch, learned]);
      this.live = [];
    }
    if (troubles.includes(e.kind)) this.trouble(e);
    const loss = e.kind === "evaluation" && e.metrics ? lossIn(e.metrics) : undefined;
    if (loss != null && (e.set === "holdout" || e.set === "test")) {
      const series = this[e.set], at = e.epoch ?? this.train.points.at(-1)?.[0] ?? 0;
      series.points = series.points.filter((p) => p[0] < at);
      series.points.push([at, loss]);
    }
    this.drawSoon();
  }

  // trouble lists failures, and what became of them: among all events they would be
  // lost.
  trouble(e) {
    const item = document.createElement("li"), time = document.createElement("time"), kind = document.createElement("span"), text = document.createElement("span");
    item.className = e.kind;
    time.dateTime = e.time;
    time.textContent = e.time.slice(11, 19);
    kind.className = "kind";
    kind.textContent = e.kind;
    text.textContent = e.message ?? "";
    item.append(time, " ", kind, " ", text);
    const list = $("failure-list");
    list.prepend(item);
    while (list.children.length > 30) list.lastChild.remove();
    $("failures").hidden = false;
  }

  status(s) {
    if (s.phase === "training" && s.loss !== null && s.rounds) {
      const at = s.round / s.rounds * s.epochs;
      if (at > (this.train.points.at(-1)?.[0] ?? 0)) this.live.push([at, s.loss]);
      // Within an epoch the mean is of few rows at first; but of the first epoch there is nothing else.
      this.live = this.train.points.length ? this.live.slice(-1) : thin(this.live);
    }
    this.before.push(s);
    while (this.before.length > 2 && s.seconds - this.before[1].seconds >= 2) this.before.shift();
    const first = this.before[0], took = s.seconds - first.seconds;
    if (took >= 0.9) {
      const per = (key) => Math.max(0, (s[key] - first[key]) / took);
      $("speed").textContent = short(per("rows"));
      $("pushing").textContent = short(per("pushed")) + "B/s";
      $("pulling").textContent = short(per("pulled")) + "B/s";
      this.rate.points.push([s.seconds, per("rows")]);
      this.rate.points = thin(this.rate.points);
    }
    this.drawSoon();
  }

  end() {
    over = true;
    this.live = [];
    $("rates").hidden = this.rate.points.length === 0;
    for (const id of ["pushing", "pulling"]) $(id).textContent = "";
    this.drawSoon();
    refresh();
  }

  drawSoon() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.draw(); });
  }

  draw() {
    const train = { ...this.train, points: [...this.train.points, ...this.live] };
    const shown = [train, this.holdout, this.test].filter((s) => s.points.length);
    draw($("loss"), shown, { title: "Loss by epoch", unit: "" });
    draw($("rate"), [this.rate], { title: "Rows a second", unit: " s", fromZero: true });
    $("loss-legend").replaceChildren(...shown.map((s) => {
      const item = document.createElement("span");
      item.className = s.look;
      item.append(document.createElement("i"), `${s.name} ${short(s.points.at(-1)[1])}`);
      return item;
    }));
  }
}

async function stop(button) {
  if (!confirm(`Stop job ${button.dataset.job}? It writes a last checkpoint first.`)) return;
  const reply = await fetch(`/v1/jobs/${button.dataset.job}/stop`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"reason": "on request of a page"}' });
  if (!reply.ok) say((await reply.json()).detail);
  refresh();
}

if ($("charts")) new JobView($("charts").dataset.job);
$("stop")?.addEventListener("click", (e) => stop(e.currentTarget));
setTimeout(keepFresh, refreshEvery);
