"use strict";
// Sorts the table by the column whose heading is pressed: words from a to z first, numbers from the least first, the
// other way round when it is pressed again. Empty cells come last either way.
for (const button of document.querySelectorAll("#results thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = document.querySelector("#results tbody");
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      const order = head.classList.contains("word") ? a.localeCompare(b) : Number(a) - Number(b);
      return descending ? -order : order;
    };
    body.append(...[...body.rows].sort(compare));
  });
}
