// Verdicts: records of the same form as pvtt_data.reviews.records.Review, kept by the browser until they are downloaded.

const REVIEWER = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}_.@+-]{0,47}$/u;
const STRICTNESS = { accept: 0, flag: 1, reject: 2 };
const EMPTY_REVIEW = {
  kind: "", key: "", action: "", reason: "", comment: "", prompt: "", box: null, box_frame: null, category: "",
  product_id: "", undoes: "", reviewer: "", at: "", tool: "", name: "", seen_in: "",
};

// JSON that is equal for equal records, as pvtt_data.records.canonical_json writes it: a point in every share of a box.
function canonicalJson(value, name = "") {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, name)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value).sort();
    return `{${names.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key], key)}`).join(",")}}`;
  }
  if (typeof value === "number" && name === "box" && Number.isInteger(value)) return `${value}.0`;
  return JSON.stringify(value);
}

function namedByContent(review) {
  const { review_id: _, ...facts } = review;
  return { review_id: sha256(canonicalJson(["review", facts])).slice(0, 16), ...facts };
}

function utcText(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 19) + "Z";
}

// What one reviewer said on this page, in order; all of it is written to localStorage at once.
class Notebook {
  constructor(identity, reviewer, given) {
    this.place = `pvtt-review/${identity}/${reviewer}`;
    this.reviewer = reviewer;
    this.given = given.filter((review) => review.reviewer === reviewer);
    this.lasting = true;
    this.reviews = [];
    this.saved = 0;
    this.load();
  }

  // Another tab may have written: what is stored counts.
  load() {
    try {
      const stored = JSON.parse(localStorage.getItem(this.place) || "{}");
      this.reviews = Array.isArray(stored.reviews) ? stored.reviews : [];
      this.saved = Math.min(stored.saved || 0, this.reviews.length);
    } catch {
      this.lasting = false;
    }
  }

  add(facts) {
    if (this.lasting) this.load();
    const latest = this.all().filter((review) => review.kind === facts.kind && review.key === facts.key)
      .reduce((most, review) => (review.at > most ? review.at : most), "");
    let at = utcText(Date.now());
    if (at <= latest) at = utcText(Date.parse(latest) + 1000);
    const review = namedByContent({ ...EMPTY_REVIEW, ...facts, reviewer: this.reviewer, at });
    this.reviews.push(review);
    this.store();
    return review;
  }

  store() {
    try {
      localStorage.setItem(this.place, JSON.stringify({ reviews: this.reviews, saved: this.saved }));
      this.lasting = true;
    } catch {
      this.lasting = false;
    }
  }

  // What was said here and what the page was made with.
  all() {
    const known = new Set(this.given.map((review) => review.review_id));
    return [...this.given, ...this.reviews.filter((review) => !known.has(review.review_id))];
  }

  get unsaved() {
    return this.reviews.length - this.saved;
  }

  fileText() {
    return this.reviews.map((review) => canonicalJson(review) + "\n").join("");
  }

  markSaved() {
    this.saved = this.reviews.length;
    this.store();
  }
}

// The word of each reviewer on each subject now: "kind key" → reviewer → {verdict, segment, category, product_id}.
function standingWords(reviews) {
  const byId = new Map(reviews.map((review) => [review.review_id, review]));
  const gone = new Set();
  for (const undo of reviews) {
    const undone = undo.action === "undo" && byId.get(undo.undoes);
    if (undone && undone.action !== "undo" && undone.reviewer === undo.reviewer && undone.key === undo.key) {
      gone.add(undo.undoes);
    }
  }
  const words = new Map();
  const inOrder = reviews.map((review, at) => [review, at]).sort(([a, i], [b, j]) =>
    (a.at < b.at ? -1 : a.at > b.at ? 1 : i - j));
  for (const [review] of inOrder) {
    if (review.action === "undo" || gone.has(review.review_id)) continue;
    const subject = `${review.kind} ${review.key}`;
    if (!words.has(subject)) words.set(subject, new Map());
    const of = words.get(subject);
    if (!of.has(review.reviewer)) of.set(review.reviewer, {});
    const said = of.get(review.reviewer);
    if (review.action in STRICTNESS) said.verdict = review;
    if (review.action === "resegment") said.segment = review;
    if (review.category.trim()) said.category = review;
    if (review.product_id.trim()) said.product_id = review;
  }
  return words;
}

function wordText(review) {
  const comment = review.comment ? `: ${review.comment}` : "";
  if (review.action === "resegment") {
    return `segment again${review.prompt ? ` for “${review.prompt}”` : ""}${review.box ? ` in a box at frame ${review.box_frame + 1}` : ""}${comment}`;
  }
  if (review.action === "relabel") {
    return [review.product_id && `product ${review.product_id}`, review.category && `category ${review.category}`]
      .filter(Boolean).join(", ") + comment;
  }
  const reason = review.reason ? `, ${review.reason.replaceAll("-", " ")}` : "";
  return `${{ accept: "accepted", flag: "flagged", reject: "rejected" }[review.action]}${reason}${comment}`;
}
