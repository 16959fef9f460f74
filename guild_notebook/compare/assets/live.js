// A page that is served (../server.py): it asks for its data again and again, says which runs are
// being executed, and says when nobody answers. A page in a file does nothing of this.

const POLL = {executing: 2000, resting: 10000}; // milliseconds
const liveNote = el("p", {class: "live-note", role: "status"});
const liveRuns = el("ul", {"aria-label": "Runs that are being executed"});
let liveTimer = 0;
let liveSeen = new Date(); // when the server answered last
let serverAhead = 0;       // milliseconds that its clock is ahead

const isExecuting = (run) => run.status === "running";

function showExecuting() {
  const runs = data.runs.map((_, i) => i).filter((i) => isExecuting(data.runs[i]));
  liveRuns.replaceChildren(...runs.map((i) => {
    const {id, progress, started} = data.runs[i];
    return el("li", {"data-run": i}, button(runName(i), () => set({run: i}), {class: "plain"}),
      el("span", {}, progress ? `cell ${progress.cell} of ${progress.of}` : "before its first cell"),
      started ? el("time", {"data-since": Date.parse(started)}) : null,
      el("a", {href: `run/${encodeURIComponent(id)}/notebook`, target: "_blank", rel: "noopener"},
        "its notebook so far"));
  }));
  liveRuns.hidden = !runs.length;
  showElapsed();
}
function showElapsed() { // 1:42, 1:02:05
  for (const time of liveRuns.querySelectorAll("time")) {
    const seconds = Math.max(0, Math.floor((Date.now() + serverAhead - time.dataset.since) / 1000));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const shown = parts[0] ? parts : parts.slice(1);
    time.textContent = shown.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
  }
}
function sayOfServer(text) {
  if (liveNote.textContent !== text) liveNote.textContent = text;
  liveNote.hidden = !text;
}

async function pollServer() {
  clearTimeout(liveTimer);
  if (document.hidden) return;
  const asked = Date.now();
  try {
    const headers = {"If-None-Match": `"${data.tag}"`};
    const answer = await fetch("data", {cache: "no-store", headers});
    if (answer.status === 200) replaceData(await answer.json());
    else if (answer.status !== 304) throw new Error(await answer.text());
    serverAhead = Date.parse(answer.headers.get("Date")) + 500 - Date.now() || 0;
    liveSeen = new Date();
    sayOfServer("");
  } catch (error) {
    const why = error instanceof TypeError ? "the server does not answer" : error.message.trim();
    sayOfServer(`As of ${liveSeen.toLocaleTimeString()}: ${why}`);
  }
  const pause = data.runs.some(isExecuting) ? POLL.executing : POLL.resting;
  liveTimer = setTimeout(pollServer, Math.max(pause, 4 * (Date.now() - asked)));
}

if (data.live) {
  document.getElementById("page").before(el("div", {class: "live"},
    el("a", {href: "../../"}, "All that can be compared"), liveNote, liveRuns));
  watch(["data"], showExecuting);
  setInterval(showElapsed, 1000);
  addEventListener("visibilitychange", pollServer);
  sayOfServer("");
  showExecuting();
  liveTimer = setTimeout(pollServer, POLL.executing);
}
