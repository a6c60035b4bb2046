/* Pictures, loaded and decoded before they are shown. */
import { ask } from "./connection.js";

const loading = new Map();  // address: promise of an image, or of null where there is no such picture now

/* The three images of a trial; null where the trial is over, as in a second tab. */
export async function imagesOf(trial, waiting) {
  const images = await Promise.all(trial.pictures.map((id) => load(id, waiting)));
  return images.includes(null) ? null : images;
}

/* Begin to load a trial, and forget all but it and the one shown. */
export function prepare(shown, next) {
  const kept = new Set([shown, next].flatMap((trial) => trial?.pictures ?? []));
  for (const [id, image] of loading)
    if (!kept.has(id)) {
      loading.delete(id);
      image.then((one) => one && URL.revokeObjectURL(one.src));
    }
  next?.pictures.forEach((id) => load(id));
}

function load(id, waiting) {
  if (!loading.has(id)) loading.set(id, fetched(id, waiting));
  return loading.get(id);
}

async function fetched(id, waiting) {
  const { status, body } = await ask(`api/picture/${id}`, { waiting });
  if (status !== 200) {
    loading.delete(id);
    return null;
  }
  const image = new Image();
  image.src = URL.createObjectURL(body);
  image.draggable = false;
  await image.decode();
  return image;
}
