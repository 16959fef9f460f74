"use strict";
(() => {
  const root = document.documentElement;
  const add = (parent, text, label, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    parent.append(button);
    return button;
  };
})();
