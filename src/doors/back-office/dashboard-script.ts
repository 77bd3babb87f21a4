/** What the dashboard does in a browser that runs scripts: it stays up to date, and draws the plots. */

export const dashboardScript = `"use strict";
const byId = (id) => document.getElementById(id);
const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const bytes = (count) => {
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
  return count.toFixed(unit === 0 || count >= 100 ? 0 : 1) + " " + units[unit];
};
let plots = [];
function draw() {
  for (const plot of plots) plot.destroy();
  plots = [];
  const data = byId("plot-data");
  if (data === null || typeof uPlot === "undefined") return;
  const all = JSON.parse(data.textContent);
  for (const [name, values] of [["plot-hours", all.hours], ["plot-days", all.days]]) {
    const place = byId(name);
    const colour = (name) => getComputedStyle(document.querySelector("." + name)).color;
    const ink = getComputedStyle(document.body).color;
    const isDay = name === "plot-hours";
    const shown = isDay ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" };
    const when = (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleString([], shown));
    const axis = { stroke: ink, grid: { width: 1, stroke: "rgba(128,128,128,.2)" }, ticks: { show: false } };
    const line = (label) => ({ label, stroke: colour(label), fill: colour(label).replace("rgb(", "rgba(").replace(")", ",.15)"), width: 2, points: { show: false } });
    plots.push(new uPlot({
      width: place.clientWidth, height: 180, cursor: { show: false }, legend: { show: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high, 1024)] } },
      padding: [null, 24, null, null],
      axes: [{ ...axis, space: 60, values: when }, { ...axis, size: 74, values: (_, ticks) => ticks.map(bytes) }],
      series: [{}, line("saved"), line("fetched")],
    }, values, place));
  }
}
function show(id, text) {
  const place = byId(id);
  if (place === null || place.contains(document.activeElement)) return;
  if (id === "images" && location.search !== "") return;
  const scrolled = place.querySelector(".wide")?.scrollTop ?? 0;
  const isOpen = place.querySelector("details")?.open ?? false;
  place.innerHTML = text;
  const wide = place.querySelector(".wide");
  if (wide !== null) wide.scrollTop = scrolled;
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  if (id === "plots") draw();
}
let lostSince;
const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const source = new EventSource("/api/v1/events");
source.onopen = () => {
  lostSince = undefined;
  document.body.classList.remove("lost");
  byId("live").textContent = "live";
};
source.onerror = () => {
  lostSince ??= clock();
  document.body.classList.add("lost");
  byId("live").textContent = "not live since " + lostSince;
};
source.addEventListener("panel", (event) => {
  const { id, html } = JSON.parse(event.data);
  show(id, html);
});
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
`;
