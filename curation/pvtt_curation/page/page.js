// The page: a list, players, facts, and verdicts by keyboard.

const DATA = JSON.parse(document.getElementById("data").textContent);
const KINDS = { mask: "Masks", triple: "Triples", clip: "Clips" };
const PART_TEXT = {
  triple: "the triple", mask: "the mask of B", mask_a: "the mask of A", clip: "the clip of B", clip_a: "the clip of A",
};
const WHOLE_TEXT = { mask: "the mask", clip: "the clip", triple: "the triple" };
const NEAR_AHEAD = 2; // subjects whose videos are loaded ahead
const MINE = [["none", "not by me"], ["accept", "I accepted"], ["reject", "I rejected"], ["flag", "I flagged"]];
const ALIKE = 0.75; // less alike neighbours are not worth a look

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("data-") || name.startsWith("aria-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const by = (id) => document.getElementById(id);
const spaced = (slug) => slug.replaceAll("-", " ");
const kindOf = (part) => part.replace(/_a$/, "");
const numberText = (value) => (Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : Number(value.toPrecision(4)).toString());

const kept = {
  read(name, otherwise) {
    try { return localStorage.getItem(`pvtt-review/${name}`) ?? otherwise; } catch { return otherwise; }
  },
  write(name, value) {
    try { localStorage.setItem(`pvtt-review/${name}`, value); } catch { /* nothing depends on it */ }
  },
};

class Page {
  constructor() {
    this.stages = new Map(); // row → {box, players}
    this.byRow = new Map(DATA.subjects.map((subject) => [`${subject.kind} ${subject.row}`, subject]));
    this.menu = new ReasonMenu(DATA.reasons, (action, reason, comment) => this.say({ action, reason, comment }));
    this.labels = new LabelForm();
    this.masks = new MaskForm();
    this.help = new Form("help");
    this.filters = new Filters({
      verdict: { element: by("by-verdict"), title: "any verdict", valuesOf: (s) => [s.verdict],
        fixed: [["flag", "flagged"], ["reject", "rejected"], ["accept", "accepted"]] },
      mine: { element: by("by-mine"), title: "judged or not", valuesOf: (s) => [this.mine(s)?.action || "none"], fixed: MINE },
      reason: { element: by("by-reason"), title: "any reason", valuesOf: (s) => s.reasons },
      engine: { element: by("by-engine"), title: "any engine", valuesOf: (s) => [s.engine] },
      category: { element: by("by-category"), title: "any category", valuesOf: (s) => [s.category] },
      split: { element: by("by-split"), title: "any split", valuesOf: (s) => [s.split] },
      find: { element: by("find"), valuesOf: (s) => [s.name, s.product, s.a, s.titleA, s.titleB, s.row, s.key, ...s.reasons] },
    }, () => this.refilter());
    this.rate = Number(kept.read("rate", "1")) || 1;
    this.bare = false;
    this.setReviewer(kept.read("reviewer", DATA.reviewer));
    this.listen();
    const first = ["mask", "triple", "clip"].find((kind) => DATA.subjects.some((s) => s.kind === kind));
    const last = kept.read(`${DATA.identity}/kind`, "");
    this.showKind(DATA.subjects.some((s) => s.kind === last) ? last : first);
  }

  // ---- who says what

  setReviewer(name) {
    const valid = REVIEWER.test(name) && name.normalize("NFC") === name;
    by("reviewer").setAttribute("aria-invalid", String(!valid));
    if (!valid) {
      this.toast("A reviewer's name has letters, digits and . _ @ + -, and begins with a letter or digit.", "bad");
      return;
    }
    by("reviewer").value = name;
    if (name !== DATA.reviewer) kept.write("reviewer", name);
    this.notebook = new Notebook(DATA.identity, name, DATA.reviews);
    by("help-command").textContent = `pvtt-data verdicts import verdicts-${name}.jsonl`;
    this.count();
    if (this.shown) this.refilter();
  }

  // What everybody says now, counted once for each change.
  count() {
    this.words = standingWords([...DATA.reviews.filter((r) => r.reviewer !== this.notebook.reviewer), ...this.notebook.all()]);
    const unsaved = this.notebook.unsaved, all = this.notebook.reviews.length;
    by("download").textContent = all ? `Download ${all} ${all === 1 ? "verdict" : "verdicts"}${unsaved && unsaved < all ? `, ${unsaved} new` : ""}` : "No verdicts yet";
    by("download").disabled = !all;
    by("download").classList.toggle("urgent", unsaved > 0);
    const warnings = [...DATA.notes];
    if (!this.notebook.lasting) warnings.unshift("This browser does not keep what you say: download your verdicts before you close the page.");
    by("warning").textContent = warnings.join(" · ");
    by("warning").hidden = !warnings.length;
  }

  said(kind, key, reviewer = this.notebook.reviewer) {
    return this.words.get(`${kind} ${key}`)?.get(reviewer) || {};
  }

  mine(subject) {
    return this.said(subject.kind, subject.key).verdict;
  }

  // A part of the subject that I rejected, so that the subject goes with it.
  lostPart(subject) {
    return Object.entries(subject.parts).find(([part, key]) => part !== subject.kind && this.said(kindOf(part), key).verdict?.action === "reject");
  }

  say(facts, part = this.part) {
    const subject = this.subject;
    const kind = kindOf(part), key = subject.parts[part];
    const review = this.notebook.add({ kind, key, tool: DATA.tool, name: subject.name, seen_in: DATA.name, ...facts });
    this.last = { review, subject, part };
    this.count();
    this.toast(`${part === subject.kind ? "" : `${PART_TEXT[part] || "its source"}: `}${wordText(review)} — ${subject.name}`, review.action);
    this.mark(key);
    if (review.action in STRICTNESS) this.go(1, true);
    else this.show(this.at, false);
  }

  undo() {
    const own = this.said(kindOf(this.part), this.subject.parts[this.part]);
    let review, subject = this.subject;
    if (this.last) ({ review, subject } = this.last);
    else review = own.verdict || own.segment || own.category || own.product_id || this.anyOf(subject);
    if (!review) return this.toast("You said nothing about this yet.", "");
    this.notebook.add({ kind: review.kind, key: review.key, action: "undo", undoes: review.review_id, tool: DATA.tool, name: review.name, seen_in: DATA.name });
    this.last = null;
    this.count();
    this.mark(review.key);
    const at = this.list.indexOf(subject);
    if (at >= 0) this.show(at);
    this.toast(`Taken back: ${wordText(review)} — ${review.name}`, "");
  }

  anyOf(subject) {
    const said = Object.entries(subject.parts).flatMap(([part, key]) => Object.values(this.said(kindOf(part), key)));
    return said.sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  }

  relabel() {
    const part = ["mask_a", "clip_a"].includes(this.part) ? "source_a" : "source";
    if (!this.subject.parts[part]) return this.toast("There is no mined source behind this.", "bad");
    const name = part === "source_a" ? "the source of A" : this.subject.kind === "triple" ? "the source of B" : "this source";
    const known = part === "source_a" ? { product: this.subject.a, category: "" } : this.subject;
    this.pause();
    this.labels.ask(known, name, (said) => this.say({ action: "relabel", ...said }, part));
  }

  resegment() {
    const subject = this.subject;
    if (!subject.parts.clip) return this.toast("An engine made this mask; there is no clip to segment again.", "bad");
    this.pause();
    const file = subject.files.video || subject.files.target;
    this.masks.ask(subject, file, this.players?.frame || 0, (said) => this.say({ action: "resegment", ...said }, "clip"));
  }

  download() {
    if (!this.notebook.reviews.length) return;
    const url = URL.createObjectURL(new Blob([this.notebook.fileText()], { type: "application/x-ndjson" }));
    const link = element("a", { href: url, download: `verdicts-${this.notebook.reviewer}.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    this.notebook.markSaved();
    this.count();
    this.toast(`Saved. Take it in with: pvtt-data verdicts import verdicts-${this.notebook.reviewer}.jsonl`, "good");
  }

  // ---- the list

  showKind(kind) {
    this.kind = kind;
    kept.write(`${DATA.identity}/kind`, kind);
    by("tabs").replaceChildren(...Object.entries(KINDS).map(([name, text]) => {
      const count = DATA.subjects.filter((s) => s.kind === name).length;
      const tab = element("button", { type: "button", role: "tab", "aria-selected": String(name === kind), disabled: !count },
        text, " ", element("span", { class: "number" }, `${count}`));
      tab.addEventListener("click", () => this.showKind(name));
      return tab;
    }));
    this.all = DATA.subjects.filter((subject) => subject.kind === kind);
    this.subject = null;
    this.refilter(kept.read(`${DATA.identity}/${kind}`, ""));
  }

  refilter(row = this.subject?.row) {
    this.shown = true;
    this.last = null;
    this.filters.offer(this.all);
    this.list = this.filters.kept(this.all);
    this.items = new Map();
    by("list").replaceChildren(...this.list.map((subject, at) => this.item(subject, at)));
    by("found").textContent = this.filters.active ? `${this.list.length} of ${this.all.length}` : `${this.all.length}`;
    by("clear").hidden = !this.filters.active;
    this.show(Math.max(0, this.list.findIndex((subject) => subject.row === row)));
  }

  item(subject, at) {
    const thumbs = element("span", { class: "thumbs" }, ...subject.posters.map((src) => element("img", { src, loading: "lazy", decoding: "async", alt: "" })));
    const title = subject.kind === "triple" && subject.a !== subject.b ? `${subject.a} → ${subject.b}` : subject.product;
    const made = element("li", {},
      element("span", { class: `dot ${subject.verdict}`, title: `The build: ${subject.verdict}` }), thumbs,
      element("span", { class: "what" }, element("b", {}, element("bdi", {}, title)),
        element("small", {}, element("bdi", {}, subject.reasons.length ? subject.reasons.map(spaced).join(", ") : subject.category))),
      element("span", { class: "said" }));
    made.addEventListener("click", () => this.show(at));
    this.items.set(subject.row, made);
    this.stamp(subject);
    return made;
  }

  // Show in the list what I said.
  stamp(subject) {
    const item = this.items.get(subject.row);
    if (!item) return;
    const mine = this.mine(subject), lost = !mine && this.lostPart(subject);
    const said = item.querySelector(".said");
    said.className = `said ${mine ? mine.action : lost ? "lost" : ""}`;
    said.textContent = mine ? { accept: "✓", reject: "✗", flag: "⚑" }[mine.action] : lost ? "✗" : "";
    said.title = mine ? `You ${wordText(mine)}` : lost ? `You rejected ${PART_TEXT[lost[0]]}` : "";
  }

  // After a change of what is said about a key: everything that has it as a part.
  mark(key) {
    for (const subject of this.list) if (Object.values(subject.parts).includes(key)) this.stamp(subject);
  }

  go(places, afterVerdict = false) {
    this.menu.close();
    if (!afterVerdict) this.last = null;
    const at = this.at + places;
    if (at >= 0 && at < this.list.length) return this.show(at);
    if (afterVerdict) {
      this.show(this.at, false);
      const left = this.list.filter((subject) => !this.mine(subject)).length;
      this.toast(left ? `End of the list; ${left} above are not judged yet.` : "All of these are judged. Download your verdicts.", "good");
    }
  }

  // ---- what is shown

  show(at, afresh = true) {
    const before = this.subject;
    this.items.get(before?.row)?.classList.remove("current");
    this.at = at;
    this.subject = this.list[at];
    this.progress();
    if (!this.subject) {
      this.part = null;
      this.pause();
      this.stages.clear();
      by("stages").replaceChildren(element("p", { class: "nothing" }, "Nothing matches the filters."));
      by("facts").replaceChildren();
      by("about").replaceChildren();
      return;
    }
    const { subject } = this;
    kept.write(`${DATA.identity}/${this.kind}`, subject.row);
    const item = this.items.get(subject.row);
    item.classList.add("current");
    item.scrollIntoView({ block: "nearest" });
    if (afresh || subject !== before) {
      this.part = subject.kind;
      this.stageAround(at);
    }
    this.showFacts();
  }

  // Keep the players of this subject and of its neighbours, so that going on is immediate.
  stageAround(at) {
    this.pause();
    const near = [];
    for (let other = at - 1; other <= at + NEAR_AHEAD; other++) if (this.list[other]) near.push(this.list[other]);
    for (const [row, stage] of this.stages) {
      if (near.some((subject) => `${subject.kind} ${subject.row}` === row)) continue;
      stage.players.videos.forEach((video) => { video.removeAttribute("src"); video.load(); });
      stage.box.remove();
      this.stages.delete(row);
    }
    const nothing = by("stages").querySelector(".nothing");
    if (nothing) nothing.remove();
    for (const subject of [this.subject, ...near]) {
      const row = `${subject.kind} ${subject.row}`;
      if (!this.stages.has(row)) {
        this.stages.set(row, makeStage(subject, (frame) => this.onFrame(subject, frame)));
        by("stages").append(this.stages.get(row).box);
      }
    }
    for (const stage of this.stages.values()) stage.box.hidden = true;
    const { box, players } = this.stages.get(`${this.subject.kind} ${this.subject.row}`);
    box.hidden = false;
    box.classList.toggle("bare", this.bare);
    this.players = players;
    by("seek").max = Math.max(0, this.subject.frames - 1);
    players.setRate(this.rate);
    this.onFrame(this.subject, players.frame);
    this.play();
  }

  play() {
    this.players?.play();
    by("play").textContent = "❚❚";
  }

  pause() {
    this.players?.pause();
    by("play").textContent = "▶";
  }

  onFrame(subject, frame) {
    if (subject !== this.subject) return;
    by("seek").value = frame;
    by("frame").textContent = `${frame + 1} / ${subject.frames}`;
  }

  step(frames) {
    this.pause();
    this.players?.step(frames);
  }

  setRate(rate) {
    this.rate = rate;
    by("rate").value = String(rate);
    this.players?.setRate(rate);
    kept.write("rate", String(rate));
  }

  setPart(part) {
    this.part = part;
    this.last = null;
    this.showFacts();
  }

  get partNames() {
    const own = this.subject.kind;
    return [own, ...Object.keys(PART_TEXT).filter((part) => part !== own && this.subject.parts[part])];
  }

  progress() {
    const judged = this.list.filter((subject) => this.mine(subject)).length;
    by("done-bar").style.width = `${this.list.length ? 100 * judged / this.list.length : 0}%`;
    by("done-text").textContent = `${judged} of ${this.list.length}`;
  }

  showFacts() {
    const { subject } = this;
    const named = (part) => (subject.kind === "triple" ? PART_TEXT : WHOLE_TEXT)[part];
    by("about").replaceChildren(...this.partNames.map((part) => {
      const choice = element("button", { type: "button", role: "radio", "aria-checked": String(part === this.part) }, named(part).replace("the ", ""));
      choice.addEventListener("click", () => this.setPart(part));
      return choice;
    }));
    for (const action of ["accept", "reject", "flag"]) {
      by(action).classList.toggle("given", this.said(kindOf(this.part), subject.parts[this.part]).verdict?.action === action);
    }
    by("relabel").disabled = !subject.parts.source;
    by("resegment").disabled = !subject.parts.clip;
    by("facts").replaceChildren(...factsOf(subject, this));
    by("facts").scrollTop = 0;
    this.progress();
  }

  toast(text, tone) {
    by("toast").textContent = text;
    by("toast").className = `toast ${tone}`;
    by("toast").hidden = false;
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => { by("toast").hidden = true; }, 3000);
  }

  // ---- keys and buttons

  listen() {
    const keys = {
      j: () => this.go(1), ArrowDown: () => this.go(1), k: () => this.go(-1), ArrowUp: () => this.go(-1),
      a: () => this.say({ action: "accept" }),
      r: () => this.ask("reject"), f: () => this.ask("flag"), u: () => this.undo(),
      " ": () => (this.players?.playing ? this.pause() : this.play()),
      ",": () => this.step(-1), ArrowLeft: () => this.step(-1), ".": () => this.step(1), ArrowRight: () => this.step(1),
      s: () => this.setRate({ 0.5: 1, 1: 2, 2: 0.5 }[this.rate] || 1),
      o: () => {
        this.bare = !this.bare;
        this.stages.forEach(({ box }) => box.classList.toggle("bare", this.bare));
      },
      m: () => this.setPart(this.partNames[(this.partNames.indexOf(this.part) + 1) % this.partNames.length]),
      l: () => this.relabel(), p: () => this.resegment(),
      t: () => {
        const kinds = Object.keys(KINDS).filter((kind) => DATA.subjects.some((s) => s.kind === kind));
        this.showKind(kinds[(kinds.indexOf(this.kind) + 1) % kinds.length]);
      },
      "/": () => by("find").focus(), d: () => this.download(), "?": () => this.help.open(),
      Escape: () => this.menu.close(),
    };
    const always = new Set(["/", "d", "?", "t", "Escape"]);
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target;
      if (target.tagName === "INPUT" && target.type !== "range") {
        if (event.key === "Escape" || (event.key === "Enter" && target !== by("menu-comment"))) target.blur();
        return;
      }
      if (target.tagName === "SELECT" && event.key !== "Escape") return;
      if (this.menu.open && this.menu.key(event)) return event.preventDefault();
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act || !(this.subject || always.has(event.key))) return;
      event.preventDefault();
      act();
    });
    for (const [id, key] of Object.entries({ accept: "a", reject: "r", flag: "f", undo: "u", relabel: "l", resegment: "p", download: "d", play: " ", "help-button": "?" })) {
      by(id).addEventListener("click", () => {
        by(id).blur();
        if (this.subject || always.has(key)) keys[key]();
      });
    }
    by("clear").addEventListener("click", () => {
      this.filters.clear();
      this.refilter();
    });
    for (const select of document.querySelectorAll("select")) select.addEventListener("change", () => select.blur());
    by("seek").addEventListener("input", () => {
      this.pause();
      this.players?.seek(Number(by("seek").value));
    });
    by("seek").addEventListener("change", () => by("seek").blur());
    by("rate").value = String(this.rate);
    by("rate").addEventListener("change", () => this.setRate(Number(by("rate").value)));
    by("reviewer").addEventListener("change", () => this.setReviewer(by("reviewer").value.trim()));
    window.addEventListener("storage", () => {
      this.notebook.load();
      this.count();
      for (const subject of this.list) this.stamp(subject);
      if (this.subject) this.showFacts();
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.notebook.lasting && this.notebook.unsaved) event.preventDefault();
    });
  }

  ask(action) {
    this.menu.ask(action, (this.subject.kind === "triple" ? PART_TEXT : WHOLE_TEXT)[this.part]);
  }
}

// The players of a subject, its strips and pictures.
function makeStage(subject, onFrame) {
  const { files, drawn } = subject;
  const wide = subject.width > subject.height;
  const shown = subject.kind === "triple"
    ? [["source", files.source, "a", "source", "shows A"], ["target", files.target, "b", "target", "shows B"],
      ["overlay", drawn.overlay_a?.overlay, "a", "mask of A", ""], ["overlay", drawn.overlay?.overlay, "b", "mask of B", ""]]
    : subject.kind === "mask"
      ? [["video", files.video, "", "clip", ""], ["overlay", drawn.overlay?.overlay, "b", "mask", ""]]
      : [["video", files.video, "", "clip", ""]];
  const videos = [];
  const grid = element("div", { class: `players ${subject.kind} ${wide ? "wide" : "tall"}` });
  grid.style.setProperty("--ratio", subject.width / subject.height);
  for (const [name, src, whose, title, remark] of shown) {
    const caption = element("figcaption", {}, whose ? element("span", { class: `letter ${whose}` }, whose.toUpperCase()) : null, title, remark ? element("small", {}, remark) : null);
    const figure = element("figure", { class: name }, caption);
    if (src) {
      const poster = name === "overlay" ? drawn[whose === "a" ? "overlay_a" : "overlay"].poster : "";
      const video = element("video", { src, poster, preload: "auto", width: subject.width, height: subject.height });
      video.addEventListener("error", () => { if (video.src) figure.append(element("p", { class: "wrong" }, "cannot be played")); });
      videos.push(video);
      figure.append(video);
    } else {
      figure.append(element("p", { class: "wrong" }, subject.problem || "cannot be shown"));
    }
    grid.append(figure);
  }
  const strips = ["overlay_a", "overlay"].filter((name) => drawn[name]?.strip).map((name) =>
    element("img", { class: "strip", src: drawn[name].strip, alt: `Moments of the mask of ${name === "overlay" ? "B" : "A"}` }));
  const box = element("div", { class: "stage", hidden: true }, grid, element("div", { class: "strips" }, ...strips));
  return { box, players: new Players(videos, subject.fps, subject.frames, onFrame) };
}

function factsOf(subject, page) {
  const parts = [];
  const product = (letter, id, title) => element("div", { class: "product" }, element("span", { class: `letter ${letter}` }, letter.toUpperCase()),
    element("span", {}, element("bdi", {}, title || id), title ? element("small", {}, element("bdi", {}, id)) : null));
  if (subject.kind === "triple" && subject.a !== subject.b) parts.push(product("a", subject.a, subject.titleA));
  parts.push(product("b", subject.b || subject.product, subject.titleB));
  const tags = [subject.category, subject.split, subject.difficulty, subject.engine, subject.made === "swap" ? "" : subject.made].filter(Boolean);
  parts.push(element("p", { class: "where" }, element("bdi", {}, subject.name)));
  if (tags.length) parts.push(element("p", {}, ...tags.flatMap((tag) => [element("span", { class: "chip" }, tag), " "])));
  const tone = { accept: "good", flag: "flag", reject: "bad" }[subject.verdict];
  parts.push(element("p", { class: `built ${tone}` }, element("b", {}, { accept: "The build accepts it", flag: "The build flags it", reject: `The build rejected it in ${subject.stage}` }[subject.verdict]),
    ...subject.reasons.flatMap((reason) => [" ", element("span", { class: `chip ${tone}` }, spaced(reason))]),
    subject.message ? element("small", {}, subject.message) : null));
  const people = wordsOf(subject, page);
  if (people.length) parts.push(element("h2", {}, "Said by people"), element("ul", { class: "people" }, ...people));
  if (subject.references.length) {
    parts.push(element("h2", {}, subject.references.length === 1 ? "Reference of B" : "References of B"),
      element("div", { class: "pictures" }, ...subject.references.map((src) => element("img", { src, loading: "lazy", alt: "reference" }))));
  }
  const near = subject.nearest.map(([row, likeness, why]) => [page.byRow.get(`${subject.kind} ${row}`), likeness, why]).filter(([other, likeness]) => other && likeness >= ALIKE);
  if (near.length) {
    parts.push(element("h2", {}, "Most alike"), element("div", { class: "near" }, ...near.map(([other, likeness, why]) => {
      const link = element("button", { type: "button", class: "link", title: `${other.name}` },
        ...other.posters.slice(-1).map((src) => element("img", { src, loading: "lazy", alt: "" })), `${(100 * likeness).toFixed(0)} % ${why}`);
      link.addEventListener("click", () => {
        if (!page.list.includes(other)) { page.filters.clear(); page.refilter(other.row); } else page.show(page.list.indexOf(other));
      });
      return link;
    })));
  }
  if (subject.limits.length) {
    parts.push(element("h2", {}, "Numbers with thresholds"), element("table", { class: "numbers" }, element("tbody", {}, ...limitRows(subject.limits))));
  }
  const others = Object.entries(subject.numbers);
  if (others.length) {
    parts.push(element("details", {}, element("summary", {}, `${others.length} more numbers`), element("table", { class: "numbers" }, element("tbody", {}, ...others.map(
      ([name, value]) => element("tr", {}, element("th", {}, name.replaceAll("_", " ")), element("td", {}, numberText(value)), element("td")))))));
  }
  if (subject.prompt) parts.push(element("h2", {}, subject.kind === "triple" ? "Prompts" : "Looked for"), element("p", {}, element("bdi", {}, subject.prompt)));
  if (subject.sourcePrompt) parts.push(element("p", { class: "quiet" }, element("bdi", {}, subject.sourcePrompt)));
  parts.push(element("p", { class: "ids" }, `${subject.kind} ${subject.row}`, element("br"), `${subject.width}×${subject.height}, ${subject.frames} frames, ${numberText(subject.fps)} fps`, element("br"), `key ${subject.key.slice(0, 16)}…`));
  return parts;
}

// One row for each number, broken ones first: its value, and the next limit, beyond which it is flagged (amber) or rejected (red).
function limitRows(limits) {
  const byNumber = new Map();
  for (const [name, value, broken, limit, verdict, reason, isBroken] of limits) {
    if (!byNumber.has(name)) byNumber.set(name, { name, value, rules: [], worst: 0 });
    const row = byNumber.get(name);
    row.rules.push({ broken, limit, verdict, reason });
    if (isBroken) row.worst = Math.max(row.worst, STRICTNESS[verdict]);
  }
  return [...byNumber.values()].sort((a, b) => b.worst - a.worst).map(({ name, value, rules, worst }) => {
    const ordered = rules.sort((a, b) => STRICTNESS[a.verdict] - STRICTNESS[b.verdict]);
    const next = ordered.find((rule) => STRICTNESS[rule.verdict] > worst) || ordered.at(-1);
    const title = ordered.map((rule) => `${rule.verdict === "reject" ? "rejected" : "flagged"} ${rule.broken} ${numberText(rule.limit)} (${spaced(rule.reason)})`);
    const told = element("span", { class: next.verdict }, `${next.broken === "above" ? "≤" : "≥"} ${Number(next.limit.toPrecision(3))}`);
    return element("tr", { class: ["", "flag", "bad"][worst], title: title.join("; ") }, element("th", {}, name.replaceAll("_", " ")),
      element("td", {}, numberText(value)), element("td", { class: "limit" }, told));
  });
}

// What everybody says now of the subject and its parts.
function wordsOf(subject, page) {
  const lines = [];
  for (const [part, key] of Object.entries(subject.parts)) {
    const of = page.words.get(`${kindOf(part)} ${key}`);
    for (const [reviewer, said] of of || []) {
      for (const review of new Set(Object.values(said))) {
        const about = part === subject.kind ? "" : `${PART_TEXT[part] || (part === "source_a" ? "the source of A" : "the source")}: `;
        lines.push(element("li", { class: review.action }, element("b", {}, element("bdi", {}, reviewer === page.notebook.reviewer ? "you" : reviewer)), " ", about, element("bdi", {}, wordText(review))));
      }
    }
  }
  return lines;
}

new Page();
