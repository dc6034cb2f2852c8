// What asks before a verdict is given: the menu of reasons, labels, and the box for another mask.

class ReasonMenu {
  constructor(reasons, onChosen) {
    this.box = document.getElementById("menu");
    this.comment = document.getElementById("menu-comment");
    this.hint = document.getElementById("menu-hint");
    this.reasons = reasons;
    this.onChosen = onChosen;
    document.getElementById("menu-reasons").replaceChildren(...reasons.map((reason, at) => {
      const button = element("button", { type: "button" }, element("kbd", {}, `${at + 1}`), ` ${spaced(reason)}`);
      button.addEventListener("click", () => this.choose(at));
      return button;
    }));
    this.comment.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.choose(this.reasons.indexOf("other"));
      if (event.key === "Escape") this.close();
      event.stopPropagation();
    });
  }

  get open() {
    return !this.box.hidden;
  }

  ask(action, about) {
    this.action = action;
    document.getElementById("menu-title").textContent = `${action === "reject" ? "Reject" : "Flag"} ${about}: why?`;
    this.comment.value = "";
    this.hint.textContent = "Esc: leave it";
    this.box.dataset.action = action;
    this.box.hidden = false;
  }

  close() {
    this.box.hidden = true;
    this.comment.blur();
  }

  choose(at) {
    const reason = this.reasons[at], comment = this.comment.value.trim();
    if (!reason) return;
    if (reason === "other" && !comment) {
      this.hint.textContent = "“other” needs a comment, then Enter";
      this.comment.focus();
      return;
    }
    this.close();
    this.onChosen(this.action, reason, comment);
  }

  // Whether the key was meant for the menu.
  key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Tab") this.comment.focus();
    else if (/^[1-9]$/.test(event.key)) this.choose(Number(event.key) - 1);
    else return false;
    return true;
  }
}

// A <dialog> with fields; `onOk` returns what is wrong, or nothing.
class Form {
  constructor(id) {
    this.box = document.getElementById(id);
    this.hint = this.box.querySelector(".hint");
    this.box.querySelector("[data-cancel]").addEventListener("click", () => this.box.close());
    this.box.querySelector("[data-ok]")?.addEventListener("click", () => this.ok());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT") this.ok();
      event.stopPropagation();
    });
  }

  open(onOk) {
    this.onOk = onOk;
    if (this.hint) this.hint.textContent = "";
    this.box.showModal();
  }

  ok() {
    const wrong = this.onOk?.();
    if (wrong) this.hint.textContent = wrong;
    else this.box.close();
  }
}

class LabelForm extends Form {
  constructor() {
    super("label-dialog");
    this.fields = ["product", "category", "comment"].map((name) => document.getElementById(`label-${name}`));
  }

  ask(subject, name, onSaved) {
    const [product, category, comment] = this.fields;
    document.getElementById("label-title").textContent = `What is ${name}?`;
    [product.value, category.value, comment.value] = ["", "", ""];
    product.placeholder = subject.product;
    category.placeholder = subject.category;
    this.open(() => {
      const said = { product_id: product.value.trim(), category: category.value.trim(), comment: comment.value.trim() };
      if (!said.product_id && !said.category) return "Give a product id or a category.";
      onSaved(said);
    });
    product.focus();
  }
}

// Draws a box on a frame of the bare video.
class MaskForm extends Form {
  constructor() {
    super("mask-dialog");
    for (const name of ["canvas", "frame", "frame-text", "clear", "prompt", "comment"]) {
      this[name.replace("-t", "T")] = document.getElementById(`mask-${name}`);
    }
    this.frame.addEventListener("input", () => {
      this.rectangle = null;
      this.show();
    });
    this.clear.addEventListener("click", () => {
      this.rectangle = null;
      this.paint();
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.corner = this.place(event);
      this.rectangle = null;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.corner) return;
      const [x, y] = this.corner, [u, v] = this.place(event);
      this.rectangle = [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
      this.paint();
    });
    this.canvas.addEventListener("pointerup", () => { this.corner = null; });
  }

  ask(subject, file, frame, onSaved) {
    this.subject = subject;
    this.rectangle = null;
    document.getElementById("mask-title").textContent = "Another mask of this clip";
    this.prompt.value = this.comment.value = "";
    this.frame.max = subject.frames - 1;
    this.frame.value = frame;
    this.canvas.width = subject.width;
    this.canvas.height = subject.height;
    this.video = element("video", { src: file, preload: "auto", muted: true });
    this.video.addEventListener("seeked", () => this.paint());
    this.video.addEventListener("loadeddata", () => this.show());
    this.open(() => {
      const prompt = this.prompt.value.trim(), box = this.shares();
      if (!prompt && !box) return "Draw a box or say what to look for.";
      onSaved({ prompt, comment: this.comment.value.trim(), box, box_frame: box ? Number(this.frame.value) : null });
    });
  }

  show() {
    this.frameText.textContent = `${Number(this.frame.value) + 1} / ${this.subject.frames}`;
    this.video.currentTime = (Number(this.frame.value) + 0.5) / this.subject.fps;
  }

  // Shares of width and height with four digits; nothing for a box that is a mere click.
  shares() {
    if (!this.rectangle) return null;
    const box = this.rectangle.map((share) => Math.round(share * 1e4) / 1e4);
    return box[2] - box[0] > 0.005 && box[3] - box[1] > 0.005 ? box : null;
  }

  place(event) {
    const area = this.canvas.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height]
      .map((share) => Math.max(0, Math.min(1, share)));
  }

  paint() {
    const { width, height } = this.canvas, pen = this.canvas.getContext("2d");
    pen.drawImage(this.video, 0, 0, width, height);
    if (!this.rectangle) return;
    const [x0, y0, x1, y1] = this.rectangle;
    const inside = [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height];
    const line = Math.max(2, Math.min(width, height) / 160);
    for (const [colour, thick] of [["#101010", 2 * line], ["#ffd24a", line]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(...inside);
    }
  }
}
