"use strict";
// One filter for the whole page; its address holds it, so that a link shows what its sender saw.
const forms = [...document.querySelectorAll("[data-filters]")];
const NAMES = ["text", "severity", "standard", "resource"];
const findings = [...document.querySelectorAll(".finding")].map((element) => ({
  element,
  content: element.textContent.toLowerCase(),
  standards: element.dataset.standards.split(" "),
  rows: [...element.querySelectorAll("[data-resource]")],
}));
const controls = [...document.querySelectorAll("[data-control]")].map((element) => ({
  element,
  content: element.textContent.toLowerCase(),
  // Where a control has too many resources to name them all, any of them may be meant.
  resources: "cut" in element.dataset ? null : `${element.dataset.types} ${element.cells[element.cells.length - 1].textContent}`.toLowerCase(),
}));
const folded = (text) => (text || "").toLowerCase().trim();
const show = (element, shown) => {
  element.hidden = !shown;
  return shown;
};
const apply = (wanted) => {
  const words = folded(wanted.text).split(/\s+/);
  const resource = folded(wanted.resource);
  const says = (content) => words.every((word) => content.includes(word));
  for (const { element, content, standards, rows } of findings) {
    const left = rows.filter((row) => show(row, row.dataset.resource.toLowerCase().includes(resource)));
    show(
      element,
      left.length > 0 &&
        (!wanted.severity || element.dataset.severity === wanted.severity) &&
        (!wanted.standard || standards.includes(wanted.standard)) &&
        says(content),
    );
  }
  for (const { element, content, resources } of controls) {
    show(
      element,
      (!wanted.standard || element.dataset.control === wanted.standard) &&
        (resources === null || resources.includes(resource)) &&
        says(content),
    );
  }
  for (const each of document.querySelectorAll("[data-matrix]")) {
    show(each, !wanted.standard || each.dataset.matrix === wanted.standard);
  }
  for (const form of forms) {
    const own = [...form.parentElement.querySelectorAll(".finding")];
    const left = own.filter((each) => !each.hidden).length;
    form.elements.shown.value = left === own.length ? "" : `${left} of ${own.length} rules shown`;
    for (const name of NAMES) form.elements[name].value = wanted[name] || "";
  }
};
const address = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
for (const form of forms) {
  form.addEventListener("input", () => {
    const wanted = Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value]));
    const set = Object.entries(wanted).filter(([, value]) => value);
    history.replaceState(null, "", `#${new URLSearchParams(set)}`);
    apply(wanted);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}
// A hash without "=" only leads to a place of the page, and leaves the filter as it is.
const follow = () => location.hash.includes("=") && apply(address());
addEventListener("hashchange", follow);
follow();
for (const buttons of document.querySelectorAll("[data-tree-buttons]")) {
  buttons.hidden = false;
  buttons.addEventListener("click", ({ target }) => {
    if (target.tagName !== "BUTTON") return;
    const open = "open" in target.dataset;
    for (const each of buttons.parentElement.querySelectorAll(".branch")) each.open = open;
  });
}
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll(".finding details, .sentence details, .matrix")) each.open = true;
});
