// Better with script, whole without: live fragments, a cross-hair, a choice of theme. No library, no build step, no other host.
const root = document.documentElement, $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
const remembered = localStorage.getItem("theme");
if (remembered) root.dataset.theme = remembered;
for (const button of $$("[data-theme-next]")) button.hidden = false;
addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-next]")) return;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", (root.dataset.theme = dark ? "light" : "dark"));
});
// The server draws; the page only puts new fragments in the place of old ones. One in which a reader types or selects is put there afterwards, and what was opened stays open.
const live = $(".live"), from = $("[data-live-from]");
const say = (state, words) => live && ((live.dataset.live = state), ($("span", live).textContent = words));
const isInUse = (old) => (old.contains(document.activeElement) && document.activeElement.tagName !== "SUMMARY") || (getSelection().toString() && getSelection().containsNode(old, true));
if (from) {
  let heard = Date.now(), news;
  const waiting = {};
  const place = () => {
    for (const [id, html] of Object.entries(waiting)) {
      const old = document.getElementById(id);
      if (old && isInUse(old)) continue;
      delete waiting[id];
      if (!old) continue;
      const open = $$("details", old).map((of) => of.open), focused = $$("summary", old).indexOf(document.activeElement);
      old.outerHTML = html;
      $$("details", document.getElementById(id)).forEach((of, at) => (of.open = open[at] ?? of.open));
      if (focused >= 0) $$("summary", document.getElementById(id))[focused]?.focus();
    }
  };
  const listen = () => {
    news = new EventSource(from.dataset.liveFrom);
    news.onmessage = ({ data }) => {
      heard = Date.now();
      Object.assign(waiting, JSON.parse(data));
      place();
      say("live", "live");
    };
    news.addEventListener("title", ({ data }) => { heard = Date.now(); document.title = JSON.parse(data); });
    news.addEventListener("tick", () => { heard = Date.now(); place(); say("live", "live"); });
    news.addEventListener("ended", ({ data }) => { news.close(); clearInterval(watch); say("ended", JSON.parse(data)); });
  };
  const watch = setInterval(() => {
    const silent = Math.round((Date.now() - heard) / 1000);
    if (silent > 5) { say("stale", `last news ${silent} s ago`); root.dataset.stale = ""; } else delete root.dataset.stale;
    if (news.readyState === 2) { news.close(); listen(); }
  }, 1000);
  listen();
}
const words = (v, plot) => v === "" ? "not known" : plot.dataset.unit === "s" ? (v < 1 ? `${Math.round(v * 1000)} ms` : v < 60 ? `${(+v).toFixed(1)} s` : `${Math.floor(v / 60)} min ${Math.round(v % 60)} s`) : `${Math.round(v).toLocaleString("en").replaceAll(",", "\u202f")}${plot.dataset.unit}`;
const ago = (s) => s < 60 ? `${s} s ago` : `${Math.round(s / 60)} min ago`;
// The cross-hair: values are those the server put beside each path.
addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.("figure .plot");
  for (const figure of $$("figure")) if (!plot || !figure.contains(plot)) { $(".cross", figure)?.setAttribute("visibility", "hidden"); if ($(".tip", figure)) $(".tip", figure).hidden = true; }
  const paths = plot && $$("path[data-v]", plot);
  if (!paths?.length || !paths[0].dataset.v) return;
  const area = $(".area", plot).getBoundingClientRect(), count = paths[0].dataset.v.split(" ").length;
  const at = Math.round(Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) * (count - 1));
  const x = area.left - plot.getBoundingClientRect().left + (at / Math.max(1, count - 1)) * area.width, cross = $(".cross", plot), tip = $(".tip", plot.closest("figure"));
  cross.setAttribute("x1", x); cross.setAttribute("x2", x); cross.setAttribute("visibility", "visible");
  tip.hidden = false;
  tip.textContent = `${ago((count - 1 - at) * plot.dataset.step)}\n` + paths.map((p) => `${p.dataset.name}  ${words(p.dataset.v.split(" ")[at], plot)}`).join("\n");
  tip.style.left = `${x > plot.clientWidth / 2 ? x + 60 - tip.offsetWidth : x + 86}px`;
}, { passive: true });
