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

// Parts that were fetched for the reader take the place of the button that asked for them.
document.addEventListener("htmx:after:swap", () => localise(document));
localise(document);
