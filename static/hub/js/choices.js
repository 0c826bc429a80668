// Boxes that choose a row ask by POST: what is typed there stands in no address.
"use strict";

django.jQuery.ajaxPrefilter((options, _original, request) => {
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  if (options.type === "POST" && !options.crossDomain && token) {
    request.setRequestHeader("X-CSRFToken", token.value);
  }
});
