"use strict";
const field = document.getElementById("search");
if (field) {
  const rows = Array.from(document.querySelectorAll("#failed tbody tr"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.getElementById("found");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, at) => {
      row.hidden = !words.every((word) => texts[at].includes(word));
      found += row.hidden ? 0 : 1;
    });
    count.textContent = found.toLocaleString("en");
  });
}
