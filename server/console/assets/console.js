// What pages do beyond HTML. They work without it.

// Times are sent in UTC and shown in the reader's time zone.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-done])")) {
    const at = new Date(time.dateTime);
    const text = at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    if (time.hasAttribute("data-full")) time.textContent = text;
    else time.title = text;
    time.setAttribute("data-done", "");
  }
}

// A form may ask again before it is sent.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy);
  navigator.clipboard?.writeText(from.textContent).then(() => { button.textContent = button.dataset.copied; });
});

// A run is followed until it has ended; then the page tells what came of it.
for (const live of document.querySelectorAll("[data-follow]")) {
  const events = new EventSource(live.dataset.follow);
  events.addEventListener("progress", (event) => {
    live.innerHTML = event.data; // escaped by the server
    localise(live);
  });
  events.addEventListener("end", () => { events.close(); location.reload(); });
}

// The tree. What was fetched below a department is shown and hidden without asking again.
const below = (toggle) => toggle.closest("li").querySelector(":scope > ul");

function expand(toggle, open) {
  below(toggle).hidden = !open;
  toggle.setAttribute("aria-expanded", String(open));
  toggle.setAttribute("aria-label", open ? toggle.dataset.close : toggle.dataset.open);
  toggle.textContent = open ? "−" : "+";
}

document.addEventListener("click", (event) => {
  const toggle = event.target.closest(".tree a.toggle");
  if (!toggle || event.ctrlKey || event.metaKey || !below(toggle)) return; // it is fetched, or opened elsewhere
  event.preventDefault();
  event.stopPropagation();
  expand(toggle, below(toggle).hidden);
}, true);

function grown() {
  for (const twice of document.querySelectorAll(".tree ul + ul")) twice.remove(); // two clicks, two answers
  for (const toggle of document.querySelectorAll('.tree a.toggle[aria-expanded="false"]')) {
    if (below(toggle) && !below(toggle).hidden) expand(toggle, true);
  }
}

// The arrow keys move in it as in any tree: to the right opens, to the left closes or goes up.
document.addEventListener("keydown", (event) => {
  const node = event.target.closest?.(".tree .node");
  if (!node || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const nodes = [...document.querySelectorAll(".tree .node")].filter((one) => one.offsetParent);
  const toggle = node.querySelector("a.toggle");
  const open = toggle?.getAttribute("aria-expanded") === "true";
  const go = (to) => to?.querySelector("a")?.focus();
  const move = {
    ArrowDown: () => go(nodes[nodes.indexOf(node) + 1]),
    ArrowUp: () => go(nodes[nodes.indexOf(node) - 1]),
    ArrowRight: () => (open ? go(below(toggle).querySelector(".node")) : toggle?.click()),
    ArrowLeft: () => (open ? toggle.click() : go(node.closest("ul").closest("li")?.querySelector(".node"))),
  }[event.key];
  if (!move) return;
  event.preventDefault();
  move();
});

// Parts that were fetched for the reader take the place of the button that asked for them.
document.addEventListener("htmx:after:swap", () => { localise(document); grown(); });
localise(document);
