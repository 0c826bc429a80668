// A form with data-one-file is answered by a file while its page stays: it is sent once, and
// what was typed does not stay in it. A wrong code is answered by a new page.
"use strict";

for (const form of document.querySelectorAll("form[data-one-file]")) {
  form.addEventListener("submit", () => {
    // Once the browser has taken what it sends.
    setTimeout(() => {
      form.querySelector("[type=submit]").disabled = true;
      form.querySelector("[type=password]").value = "";
      const error = document.getElementById("code_error");
      if (error) error.hidden = true;
    });
  });
}
