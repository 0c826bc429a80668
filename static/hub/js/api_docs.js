// Swagger UI has a dark side behind a class; we follow the device, as the hub does.
"use strict";

{
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", isDark.matches);
  isDark.addEventListener("change", follow);
  follow();
}
