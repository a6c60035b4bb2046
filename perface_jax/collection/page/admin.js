/* How the study stands, again every five seconds; stop, go on, remove an annotator. */
import { ask } from "./connection.js";

const EVERY = 5000, SURE = 4000;
const at = (id) => document.getElementById(id);
const percent = (share) => (share === null ? "–" : `${Math.round(share * 100)}%`);

async function show() {
  const { status, body } = await ask("api/admin");
  if (status !== 200) {
    at("summary").textContent = "This link is not valid. The admin link was printed by perface collect serve.";
    return;
  }
  const { agreement, title } = body;
  at("heading").textContent = title ? `Progress: ${title}` : "Progress";
  at("summary").textContent = `${body.given} of ${body.planned} votes of those who began; ${body.finished} of `
    + `${body.annotators.length} annotators have finished. Agreement so far: ${percent(agreement.share)} of `
    + `${agreement.pairs} pairs of votes on one triplet.${body.stopped ? " The study is stopped." : ""}`;
  at("stop").textContent = body.stopped ? "Continue collecting" : "Stop the study";
  at("stop").onclick = () => stop(!body.stopped);
  for (const id of ["stop", "table", "note"]) at(id).hidden = false;
  if (!document.querySelector(".sure")) at("rows").replaceChildren(...body.annotators.map(row));
  setTimeout(show, EVERY);
}

function row(one) {
  const line = document.createElement("tr");
  const cells = [one.state, `${one.given} of ${one.of}`, `${one.failed} of ${one.dummies}`,
    `${one.same} of ${one.repeats}`, percent(one.left), one.seconds === null ? "–" : `${one.seconds.toFixed(1)} s`,
    one.last ? one.last.slice(0, 16).replace("T", " ") : "–"];
  line.append(cell("th", one.annotator), ...cells.map((text) => cell("td", text)));
  line.firstChild.scope = "row";
  if (one.failed) line.children[3].className = "flag";
  line.append(cell("td", ""));
  line.lastChild.append(removal(one.annotator));
  return line;
}

function cell(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

/* A button that is pressed twice. */
function removal(annotator) {
  const button = document.createElement("button");
  button.type = "button";
  const rest = () => { button.className = ""; button.textContent = "Remove"; };
  rest();
  button.setAttribute("aria-label", `Remove ${annotator}`);
  button.onclick = () => {
    if (button.className) return remove(annotator, button);
    button.className = "sure";
    button.textContent = "Really?";
    setTimeout(rest, SURE);
  };
  return button;
}

async function remove(annotator, button) {
  button.disabled = true;
  const { status, body } = await ask("api/admin/delete", { send: { annotator } });
  const held = status === 200 ? body.exports.map((one) => `\n${one.place} of ${one.time}`).join("") : "";
  at("status").textContent = status !== 200 ? `${annotator} could not be removed.`
    : `${annotator} is removed.${held ? ` These exports still hold the votes:${held}` : " No export held the votes."}`;
  button.className = "";
  button.closest("tr").remove();
}

async function stop(stopped) {
  await ask("api/admin/stop", { send: { stopped } });
  location.reload();
}

show();
