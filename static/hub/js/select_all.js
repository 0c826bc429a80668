// A box that checks all boxes within the elements its data-select-all names.
"use strict";

for (const toggle of document.querySelectorAll("[data-select-all]")) {
  toggle.addEventListener("change", () => {
    const boxes = `${toggle.dataset.selectAll} input[type="checkbox"]`;
    for (const box of document.querySelectorAll(boxes)) {
      box.checked = toggle.checked;
    }
  });
}
