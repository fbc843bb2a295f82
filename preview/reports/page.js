"use strict";
for (const form of document.querySelectorAll("[data-filters]")) {
  const findings = [...form.parentElement.querySelectorAll(".finding")];
  const filter = () => {
    const { text, severity, standard, shown } = form.elements;
    const words = text.value.toLowerCase().split(/\s+/);
    let left = 0;
    for (const finding of findings) {
      const content = finding.textContent.toLowerCase();
      finding.hidden = !(
        (!severity.value || finding.dataset.severity === severity.value) &&
        (!standard.value || finding.dataset.standards.split(" ").includes(standard.value)) &&
        words.every((word) => content.includes(word))
      );
      left += !finding.hidden;
    }
    shown.value = left === findings.length ? "" : `${left} of ${findings.length} rules shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
}
for (const buttons of document.querySelectorAll("[data-tree-buttons]")) {
  buttons.hidden = false;
  buttons.addEventListener("click", ({ target }) => {
    if (target.tagName !== "BUTTON") return;
    const open = "open" in target.dataset;
    for (const each of buttons.parentElement.querySelectorAll(".branch")) each.open = open;
  });
}
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll(".finding details, .sentence details")) each.open = true;
});
