/* One annotator's way through the study. The server says at every step what comes next (`state`); this page shows it.
   A choice is shown as made at once, but the next triplet only when the server has stored it. */
import { ask } from "./connection.js";
import { imagesOf, prepare } from "./pictures.js";
import { choose as chooseLanguage, current, preferred, say } from "./words.js";

const DEAD_TIME = 300;  // milliseconds in which the second half of a double click is no answer
const at = (id) => document.getElementById(id);
let state = null, redraw = () => {}, shownAt = Infinity, open = false;

const waiting = (is) => { at("status").textContent = is ? say("offline") : ""; };

/* A screen of text with at most one button. */
function showText(heading, paragraphs, { button, then, code, kind = "" } = {}) {
  open = false;
  const draw = redraw = () => {
    document.title = state?.title || say("title");
    at("main").className = "";
    at("heading").textContent = say(heading, state ?? {});
    at("heading").className = kind;
    at("text").replaceChildren(...paragraphs().flatMap((text) => text.split("\n\n")).map(paragraph));
    at("code").textContent = code ?? "";
    at("who").textContent = state?.annotator ? say("pseudonym", state) : "";
    for (const [id, is] of [["code", code], ["go", button], ["text", true], ["who", true]]) at(id).hidden = !is;
    for (const id of ["faces", "hint"]) at(id).hidden = true;
    if (button) at("go").textContent = say(button);
    showProgress();
  };
  draw();
  at("go").onclick = () => { at("go").onclick = null; then(); };
  at("main").focus();
  scrollTo(0, 0);
}

function paragraph(text) {
  const one = document.createElement("p");
  one.textContent = text;
  return one;
}

function showProgress() {
  const trial = state?.step === "trial" ? state : null;
  at("count").textContent = trial ? say(trial.trial.practice ? "practice" : "count", trial) : state?.title ?? "";
  at("progress").hidden = !trial;
  if (trial) [at("progress").max, at("progress").value] = [trial.of, trial.number - 1];
}

/* Three faces, once all of them are decoded. */
async function showTrial() {
  const shown = state;
  const late = setTimeout(() => { at("status").textContent = say("loading"); }, 400);
  const images = await imagesOf(shown.trial, waiting);
  clearTimeout(late);
  if (state !== shown) return;
  if (!images) return refresh();
  prepare(shown.trial, shown.next);
  redraw = () => {
    document.title = state?.title || say("title");
    at("main").className = "judging";
    at("heading").className = "";
    at("heading").textContent = say("question");
    at("hint").textContent = say("hint");
    ["reference", "left", "right"].forEach((id, k) => { images[k].alt = say(id); });
    for (const id of ["text", "code", "go", "who"]) at(id).hidden = true;
    for (const id of ["faces", "hint"]) at(id).hidden = false;
    showProgress();
  };
  ["reference", "left", "right"].forEach((id, k) => {
    at(id).classList.remove("chosen");
    at(id).replaceChildren(images[k]);
  });
  at("faces").classList.remove("busy");
  redraw();
  at("status").textContent = "";
  at("main").focus({ preventScroll: true });
  shownAt = Infinity;
  requestAnimationFrame(() => requestAnimationFrame(() => { shownAt = performance.now(); open = true; }));
}

/* A choice, unless one is under way or this is the rest of the last click or key. */
async function vote(side, event) {
  const taken = performance.now() - shownAt;
  if (!open || event.repeat || event.detail > 1 || taken < DEAD_TIME) return;
  open = false;
  at(side).classList.add("chosen");
  at("faces").classList.add("busy");
  const { annotator, plan, trial } = state;
  const ballot = { annotator, vote: { plan, trial: trial.index, side, milliseconds: Math.round(taken) } };
  keep(ballot);
  const late = setTimeout(() => { at("status").textContent = say("saving"); }, 700);
  await send(ballot);
  clearTimeout(late);
}

async function send(ballot) {
  const answer = await ask("api/vote", { send: ballot.vote, waiting });
  keep(null);
  follow(answer);
}

/* What is done with an answer: a conflict means that the vote is stored already, or that another tab is further. */
function follow({ status, body }) {
  if ((status === 200 || status === 409) && body.step) enter(body);
  else if (status === 401 || status === 404) refuse();
  else fail();
}

function refuse() {
  state = null;
  showText("refused_heading", () => [say("refused_text")]);
}

function fail() {
  state = null;
  showText("failed_heading", () => [say("failed_text")]);
}

async function refresh() {
  follow(await ask("api/state", { waiting }));
}

function enter(next) {
  state = next;
  if (state.feedback) showFeedback();
  else proceed();
}

function showFeedback() {
  prepare(null, state.trial);
  const kind = state.feedback;
  showText(`${kind}_heading`, () => [say(`${kind}_text`)], { button: "go_on", then: proceed, kind });
}

function proceed() {
  if (state.step === "consent") return showConsent();
  if (state.step === "stopped") return showText("stopped_heading", () => [say("stopped_text")]);
  if (state.step === "finished") {
    const text = () => [say("finished_text"), say("finished_code")];
    return showText("finished_heading", text, { code: state.code });
  }
  prepare(null, state.trial);
  if (state.pause) showPause();
  else showTrial();
}

function showPause() {
  const kind = state.pause, values = { ...state, done: state.number - 1 };
  const texts = () => {
    const practice = kind === "instructions" && state.trial.practice;
    return [say(`${kind}_text`, values), ...(practice ? [say("instructions_practice")] : [])];
  };
  showText(`${kind}_heading`, texts, { button: kind === "break" ? "go_on" : "start", then: showTrial });
}

function showConsent() {
  const text = () => [state.consent.text ?? say("consent_text")];
  const agree = async () => follow(await ask("api/consent", { send: { consent: state.consent.id }, waiting }));
  showText("consent_heading", text, { button: "consent_button", then: agree });
}

/* A vote that is on its way, so that a page loaded again sends it. */
function keep(ballot) {
  try {
    if (ballot) localStorage.setItem("perface.vote", JSON.stringify(ballot));
    else localStorage.removeItem("perface.vote");
  } catch { /* private windows may refuse; then the triplet is shown again */ }
}

function kept() {
  try { return JSON.parse(localStorage.getItem("perface.vote")); } catch { return null; }
}

async function switchLanguage(wanted) {
  await chooseLanguage(wanted);
  for (const one of document.querySelectorAll("[data-language]"))
    one.setAttribute("aria-pressed", String(one.dataset.language === current()));
  redraw();
}

async function begin() {
  const answer = await ask("api/state", { waiting }), ballot = kept();
  const isLeft = answer.status === 200 && ballot?.annotator === answer.body.annotator
    && ballot.vote.plan === answer.body.plan && ballot.vote.trial === answer.body.trial?.index;
  if (isLeft) await send(ballot);
  else follow(answer);
}

for (const one of document.querySelectorAll("[data-language]"))
  one.addEventListener("click", () => switchLanguage(one.dataset.language));
for (const side of ["left", "right"]) at(side).addEventListener("click", (event) => vote(side, event));
addEventListener("keydown", (event) => {
  const side = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
  if (side && !event.altKey && !event.ctrlKey && !event.metaKey && !at("faces").hidden) {
    event.preventDefault();
    vote(side, event);
  }
});
addEventListener("hashchange", () => location.reload());
addEventListener("unhandledrejection", fail);
await switchLanguage(preferred());
begin();
