/* The page's texts: one file a language, and the choice of one. */
export const LANGUAGES = ["en", "de"];
let strings = {}, language = "en";

export async function choose(wanted) {
  language = LANGUAGES.includes(wanted) ? wanted : "en";
  strings = await (await fetch(`strings.${language}.json`)).json();
  document.documentElement.lang = language;
  remember(language);
  return language;
}

/* The language chosen before, or the first of the browser's that is here. */
export function preferred() {
  const browser = navigator.languages.map((one) => one.slice(0, 2));
  return [stored(), ...browser].find((one) => LANGUAGES.includes(one)) ?? "en";
}

export function current() {
  return language;
}

/* A text, with {names} filled in. */
export function say(name, values = {}) {
  return (strings[name] ?? name).replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

function stored() {
  try { return localStorage.getItem("perface.language"); } catch { return null; }
}

function remember(one) {
  try { localStorage.setItem("perface.language", one); } catch { /* private windows may refuse */ }
}
