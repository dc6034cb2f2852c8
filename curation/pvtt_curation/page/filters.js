// Which subjects the list shows.

const ANY = "";

function optionsOf(subjects, valuesOf) {
  const counts = new Map();
  for (const subject of subjects) for (const value of new Set(valuesOf(subject))) {
    if (value) counts.set(value, (counts.get(value) || 0) + 1);
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
}

class Filters {
  constructor(fields, onChange) {
    this.fields = fields; // name → {element, valuesOf}
    for (const { element } of Object.values(fields)) {
      element.addEventListener(element.tagName === "INPUT" ? "input" : "change", onChange);
    }
  }

  // Offer the values that occur among the subjects; a choice that does not occur any more is dropped.
  offer(subjects) {
    for (const { element, valuesOf, title, fixed } of Object.values(this.fields)) {
      if (element.tagName !== "SELECT") continue;
      const chosen = element.value;
      const found = optionsOf(subjects, valuesOf);
      const counts = new Map(found);
      const shown = fixed ? fixed.map(([value, text]) => [value, counts.get(value) || 0, text]) : found;
      element.replaceChildren(new Option(title, ANY),
        ...shown.map(([value, count, text]) => new Option(`${text || value} (${count})`, value)));
      element.value = [...element.options].some((option) => option.value === chosen) ? chosen : ANY;
      element.hidden = !fixed && found.length < 2 && element.value === ANY;
    }
  }

  kept(subjects) {
    const wanted = Object.values(this.fields).filter(({ element }) => element.value.trim() !== ANY);
    return subjects.filter((subject) => wanted.every(({ element, valuesOf }) => (
      element.tagName === "SELECT"
        ? valuesOf(subject).includes(element.value)
        : valuesOf(subject).some((text) => text.toLowerCase().includes(element.value.trim().toLowerCase()))
    )));
  }

  clear() {
    for (const { element } of Object.values(this.fields)) element.value = ANY;
  }

  get active() {
    return Object.values(this.fields).some(({ element }) => element.value.trim() !== ANY);
  }
}
