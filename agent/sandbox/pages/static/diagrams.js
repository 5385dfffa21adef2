// Replaces each Mermaid text by its picture; a text that Mermaid cannot read stays as it is, with the reason.
const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
(async () => {
  for (const [number, block] of [...document.querySelectorAll("pre.mermaid")].entries()) {
    try {
      const { svg } = await mermaid.render(`diagram-${number}`, block.textContent);
      const figure = document.createElement("figure");
      figure.className = "diagram";
      figure.innerHTML = svg; // Mermaid's strict mode has cleaned it; the page's policy forbids inline scripts besides
      block.replaceWith(figure);
    } catch (error) {
      block.classList.add("broken");
      block.title = String(error.message || error);
      document.getElementById(`ddiagram-${number}`)?.remove();
    }
  }
})();
