"use strict";
// The table of events and their details. Text from the capture goes into text nodes only; nothing is made from markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const BLOCK = 64, FIRST = 100, MORE = 400, PRINTED_WHOLE = 25;
  const FRAME = 0, TIME = 1, FROM = 2, TO = 3, CLASS = 4, CAUSE = 5, CERTAINTY = 6, MARKS = 7, SEARCHED = 8; // of a row
  const BENIGN = 1, FOLLOWS = 2;
  const DECIDES = 1, LOST = 2, FOREIGN = 4;
  const SURE = ["possible", "likely", "certain"];
  const by = (id) => document.getElementById(id);
  const rows = JSON.parse(by("rows").textContent);
  if (rows.length === 0) return;

  const names = new Map([...by("class").options].map((option) => [option.value, option.textContent]));
  const texts = rows.map((row) => [row[FRAME], row[TIME], row[FROM], row[TO], row[CLASS], names.get(row[CLASS]), row[CAUSE],
    row[CERTAINTY], row[SEARCHED]].join(" ").toLowerCase());
  const numbers = rows.map((row) => Number(/\d+/.exec(row[FRAME])));
  const blocks = new Map();
  const opened = new Set();
  let order = rows.map((_, index) => index);
  let sorted = { key: FRAME, down: false };
  let view = [];
  let shown = 0;

  /** An element with a class and children; strings become text. */
  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  /** An element of SVG with its attributes. */
  function drawn(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function detail(index) {
    const block = Math.floor(index / BLOCK);
    if (!blocks.has(block)) blocks.set(block, JSON.parse(by("details-" + block).textContent));
    return blocks.get(block)[index % BLOCK];
  }

  // Which events, in which order.

  function compare(key) {
    if (key === FRAME) return (a, b) => numbers[a] - numbers[b] || a - b;
    if (key === CERTAINTY) return (a, b) => SURE.indexOf(rows[a][key]) - SURE.indexOf(rows[b][key]) || a - b;
    const collator = new Intl.Collator("en", { numeric: key === FROM || key === TO });
    return (a, b) => collator.compare(rows[a][key], rows[b][key]) || a - b;
  }

  function sort(key) {
    sorted = { key, down: key === sorted.key && !sorted.down };
    order.sort(compare(key));
    if (sorted.down) order.reverse();
    for (const head of document.querySelectorAll("#events th")) {
      const own = Number(head.dataset.key) === key;
      head.setAttribute("aria-sort", own ? (sorted.down ? "descending" : "ascending") : "none");
    }
    filter();
  }

  function filter() {
    const words = by("search").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const wanted = by("class").value, harmless = by("harmless").checked, follows = by("follows").checked;
    view = order.filter((index) => {
      const row = rows[index];
      return (follows || !(row[MARKS] & FOLLOWS)) && !(harmless && row[MARKS] & BENIGN)
        && (wanted === "" || row[CLASS] === wanted) && words.every((word) => texts[index].includes(word));
    });
    by("rows-shown").replaceChildren();
    shown = 0;
    show(FIRST);
  }

  // The rows.

  function show(count) {
    const added = document.createDocumentFragment();
    const end = Math.min(view.length, shown + count);
    for (; shown < end; shown += 1) {
      added.append(row(view[shown]));
      if (opened.has(view[shown])) added.append(details(view[shown]));
    }
    by("rows-shown").append(added);
    const left = view.length - shown;
    by("more").hidden = left === 0;
    by("more").textContent = `Show ${Math.min(left, MORE).toLocaleString("en")} more`;
    const of = view.length === rows.length ? "" : ` (of ${rows.length.toLocaleString("en")})`;
    const all = left === 0 ? "" : `, the first ${shown.toLocaleString("en")} are shown`;
    by("shown").textContent = `${view.length.toLocaleString("en")} ${view.length === 1 ? "event" : "events"}${of}${all}`;
  }

  function row(index) {
    const [frame, time, from, to, kind, cause, certainty, marks] = rows[index];
    const open = element("button", "open", frame);
    open.type = "button";
    open.setAttribute("aria-expanded", opened.has(index));
    const why = element("td", "", element("code", "", cause));
    if (marks & BENIGN) why.append(" ", element("span", "tag", "harmless"));
    if (marks & FOLLOWS) why.append(" ", element("span", "tag", "follows from another"));
    const made = element("tr", marks & FOLLOWS ? "row follows" : "row", element("td", "mono", open), element("td", "mono", time),
      element("td", "mono", from), element("td", "mono", to), element("td", "", element("span", "pill", names.get(kind))), why,
      element("td", "", certainty));
    made.id = "event-" + index;
    made.dataset.class = kind;
    made.addEventListener("click", () => { if (String(getSelection()) === "") toggle(index, made); });
    return made;
  }

  function toggle(index, own) {
    const open = !opened.has(index);
    if (open) { opened.add(index); own.after(details(index)); } else { opened.delete(index); own.nextElementSibling.remove(); }
    own.querySelector(".open").setAttribute("aria-expanded", open);
  }

  function details(index) {
    const { sentence, stream, said, ladder } = detail(index);
    const list = element("dl", "said");
    for (const [label, lines] of said) {
      const items = lines.map((line) => element("bdi", "", line));
      const value = items.length === 1 ? items[0] : element("ul", "", ...items.map((item) => element("li", "", item)));
      list.append(element("dt", "", label), element("dd", "", value));
    }
    list.append(element("dt", "", "In Wireshark"), element("dd", "", element("code", "", `tcp.stream eq ${stream}`)));
    const cell = element("td", "", element("p", "sentence", sentence), element("div", "scroll", draw(ladder, sentence)), list);
    cell.colSpan = 7;
    const made = element("tr", "detail", cell);
    made.dataset.class = rows[index][CLASS];
    return made;
  }

  // The ladder.

  const AT = { dot: 8, frame: 20, time: 170, left: 290, lifelines: [305, 665], right: 680, note: 800, step: 30, top: 34, width: 1060 };

  function draw({ ends, rows: steps }, title) {
    const height = AT.top + steps.length * AT.step + 12;
    const svg = drawn("svg", { class: "ladder", viewBox: `0 0 ${AT.width} ${height}`, role: "img", "aria-label": title });
    const [left, right] = AT.lifelines;
    const bottom = height - 8;
    svg.append(words(left, 16, ends[0], "end", "middle"), words(right, 16, ends[1], "end", "middle"));
    for (const x of AT.lifelines) svg.append(drawn("line", { class: "life", x1: x, x2: x, y1: 24, y2: bottom }));
    steps.forEach((step, place) => {
      const y = AT.top + place * AT.step;
      svg.append(typeof step === "string" ? gap(step, y) : arrow(step, y));
    });
    return svg;
  }

  function words(x, y, text, className, anchor) {
    return drawn("text", { x, y, class: className, "text-anchor": anchor }, text);
  }

  function gap(text, y) {
    const [left, right] = AT.lifelines;
    const group = drawn("g", { class: "gap" });
    group.append(drawn("rect", { class: "band", x: left - 6, y: y + 2, width: right - left + 12, height: AT.step - 6, rx: 4 }),
      words((left + right) / 2, y + 19, "\u2026 " + text, "soft", "middle"));
    return group;
  }

  function arrow([frame, time, side, kind, label, note, client, server, marks], y) {
    const [left, right] = AT.lifelines;
    const line = y + 21, toRight = side === "client";
    const tip = toRight ? right : left, back = toRight ? -1 : 1;
    const origin = tip + back * (right - left) * (marks & FOREIGN ? 0.75 : 1);
    const group = drawn("g", { class: [kind, marks & DECIDES ? "decides" : "", marks & LOST ? "lost" : ""].join(" ") });
    if (marks & DECIDES) group.append(drawn("circle", { class: "dot", cx: AT.dot, cy: line - 4, r: 4 }));
    group.append(words(AT.frame, line, frame, "soft num", "start"), words(AT.time, line, time + " s", "soft num", "end"),
      words(AT.left, line, client, "state", "end"), words(AT.right, line, server, "state", "start"),
      drawn("line", { class: "shaft", x1: origin, x2: tip + back * 10, y1: line, y2: line }),
      drawn("path", { class: "head", d: `M${tip + back * 2} ${line}l${back * 11} -5v10z` }),
      words((origin + tip) / 2, line - 6, label, "label", "middle"));
    if (marks & FOREIGN) group.append(words(origin, line + 5, "?", "label", toRight ? "end" : "start"));
    noteLines(note).forEach((text, place, all) => {
      const beside = all.length === 1 ? line : line - 8 + place * 14;
      group.append(words(AT.note, beside, text, kind === "reset" ? "note" : "soft", "start"));
    });
    return group;
  }

  /** One line, or two where one is too long. */
  function noteLines(note) {
    if (note === "") return [];
    const cut = note.length > 42 ? note.indexOf(", ", note.length / 2 - 8) : -1;
    return cut < 0 ? [note] : [note.slice(0, cut + 1), note.slice(cut + 2)];
  }

  // Where links lead, and what the reader does.

  function select(kind, cause) {
    by("search").value = cause;
    by("class").value = kind;
    filter();
  }

  function open(index) {
    if (!(index in rows)) return;
    if (!view.includes(index)) {
      by("harmless").checked = false;
      by("follows").checked = Boolean(rows[index][MARKS] & FOLLOWS);
      select("", "");
    }
    const place = view.indexOf(index);
    if (place >= shown) show(place + 1 - shown);
    if (!opened.has(index)) toggle(index, by("event-" + index));
    by("event-" + index).scrollIntoView();
  }

  function follow(hash) {
    const found = /^#event-(\d+)$/.exec(hash);
    if (found) open(Number(found[1]));
  }

  function beforePrint() {
    if (view.length > PRINTED_WHOLE) return;
    for (const index of view) if (!opened.has(index)) toggle(index, by("event-" + index));
  }

  for (const head of document.querySelectorAll("#events th")) {
    head.querySelector("button").addEventListener("click", () => sort(Number(head.dataset.key)));
  }
  let typing = 0;
  by("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(filter, 120); });
  for (const id of ["class", "harmless", "follows"]) by(id).addEventListener("change", filter);
  by("events").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  by("events").querySelector("form").addEventListener("reset", () => setTimeout(filter, 0));
  by("more").addEventListener("click", () => show(MORE));
  for (const link of document.querySelectorAll("a[data-cause]")) {
    link.addEventListener("click", () => {
      select(...link.dataset.cause.split("/"));
      follow(link.hash);
    });
  }
  addEventListener("hashchange", () => follow(location.hash));
  addEventListener("beforeprint", beforePrint);
  by("events").hidden = false;
  filter();
  follow(location.hash);
})();
