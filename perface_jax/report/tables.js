/* Tables sort by a click on their head, long ones have a filter, and one button opens every part. */
"use strict";
const LONG = 8;
const NUMBER = /[-+\u2212]?\d*\.?\d+(?:e[-+]?\d+)?/i;

function value(row, column) {
  const text = row.cells[column].textContent.trim();
  if (!text || text.startsWith("n/a")) return null;
  const found = row.cells[column].classList.contains("number") && text.replace(/,/g, "").match(NUMBER);
  return found ? Number(found[0].replace("\u2212", "-")) : text;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
}

function sort(table, head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => [value(row, head.cellIndex), row]);
  rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : up ? compare(a, b) : compare(b, a));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function addSort(table) {
  for (const head of table.tHead.rows[0].cells) {
    if (!head.textContent.trim()) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, head));
    head.append(button);
  }
}

function addFilter(table) {
  const rows = [...table.tBodies[0].rows];
  const line = document.createElement("label"), input = document.createElement("input");
  const count = document.createElement("span");
  line.className = "filter";
  input.type = "search";
  count.setAttribute("role", "status");
  line.append("Filter lines ", input, count);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    count.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  });
  table.parentNode.before(line);
}

for (const table of document.querySelectorAll(".table > table")) {
  if (table.tBodies[0].rows.length > 1) addSort(table);
  if (table.tBodies[0].rows.length > LONG) addFilter(table);
}

const parts = [...document.querySelectorAll("details.part")];
if (parts.length > 1) {
  const button = document.createElement("button");
  const label = () => { button.textContent = parts.every((one) => one.open) ? "Close all parts" : "Open all parts"; };
  button.type = "button";
  button.className = "all";
  button.addEventListener("click", () => {
    const open = !parts.every((one) => one.open);
    for (const one of parts) one.open = open;
    label();
  });
  label();
  for (const one of parts) one.addEventListener("toggle", label);
  document.querySelector("nav").prepend(button);
}
