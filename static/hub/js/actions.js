// The acts of a list: Django's script hides the link that was pressed, and with it the focus
// would be lost. It goes on to the choice of the act, which comes next.
"use strict";

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".actions .question a, .actions .clear a");
  link?.closest(".actions").querySelector('select[name="action"]')?.focus();
});
