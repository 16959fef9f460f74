"use strict";
(() => {
  const root = document.documentElement;
  const is_dark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const stored = (change) => { try { return change(localStorage); } catch { return null; } };
  const theme = stored((storage) => storage.getItem("guild-report-theme"));
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    return made;
  };

  const add_tools = () => {
    const tools = document.createElement("div");
    tools.className = "tools";
    const codes = () => [...document.querySelectorAll("details.source, details.folded")];
    if (codes().length) {
      tools.append(button("Fold all", () => codes().forEach((code) => { code.open = false; })));
      tools.append(button("Open all", () =>
        document.querySelectorAll("main details").forEach((part) => { part.open = true; })));
    }
    const label = () => (is_dark() ? "Light mode" : "Dark mode");
    const made = button(label(), () => {
      root.dataset.theme = is_dark() ? "light" : "dark";
      stored((storage) => storage.setItem("guild-report-theme", root.dataset.theme));
      made.textContent = label();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      made.textContent = label();
    });
    tools.append(made);
    document.querySelector(".side").append(tools);
  };

  // What is folded and very long has no elements yet, to the parser of a page with scripts.
  const make_held = (part) => {
    for (const held of part.querySelectorAll("noscript.held")) {
      const made = document.createElement("template");
      made.innerHTML = held.textContent;
      held.replaceWith(made.content);
    }
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.open) make_held(event.target);
  }, true);

  const add_copying = () => {
    const live = document.createElement("div");
    live.className = "live";
    live.setAttribute("role", "status");
    document.querySelector("main").append(live);
    const write = async (text) => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
    };
    const add = (part) => {
      const made = button("Copy", async () => {
        make_held(part);
        const texts = [...part.querySelectorAll("pre")].map((pre) =>
          pre.textContent.replace(/\n$/, "") + (pre.classList.contains("cut") ? "" : "\n"));
        await write(texts.join("").replace(/\n$/, ""));
        made.textContent = live.textContent = "Copied";
        setTimeout(() => { made.textContent = "Copy"; live.textContent = ""; }, 2000);
      });
      made.className = "copy";
      part.append(made);
    };
    // Only where the reader is: a page may have a hundred thousand parts.
    const near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        add(target);
      }
    }, { rootMargin: "50%" });
    document.querySelectorAll(".source .highlight, .output:has(> pre), .run-commands dd")
      .forEach((part) => near.observe(part));
  };

  const mark_contents = () => {
    const links = new Map();
    for (const link of document.querySelectorAll(".contents a")) {
      const target = document.getElementById(link.getAttribute("href").slice(1));
      if (target) links.set(target, link);
    }
    let current = null;
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        if (current) current.removeAttribute("aria-current");
        current = links.get(entry.target);
        current.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "0px 0px -75% 0px" });
    links.forEach((_link, target) => seen.observe(target));
  };

  const open_target = () => {
    const name = location.hash.slice(1);
    let decoded = name;
    try { decoded = decodeURIComponent(name); } catch { /* a heading like "100%" */ }
    const target = document.getElementById(name) || document.getElementById(decoded);
    for (let part = target; part; part = part.parentElement) {
      if (part.localName === "details") part.open = true;
    }
    if (target) target.scrollIntoView();
  };

  let closed = [];
  addEventListener("beforeprint", () => {
    make_held(document);
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
  addEventListener("hashchange", open_target);
  document.addEventListener("DOMContentLoaded", () => {
    // In a frame, as that of Guild View, few sites let themselves be opened.
    if (window !== window.top)
      document.querySelectorAll('main a[href^="http"]').forEach((a) => { a.target = "_blank"; });
    const contents = document.querySelector(".contents details");
    if (contents) {
      contents.addEventListener("click", (event) => {
        if (event.target.closest("a")) contents.open = false;
      });
    }
    add_tools();
    add_copying();
    mark_contents();
    open_target();
  });
})();
