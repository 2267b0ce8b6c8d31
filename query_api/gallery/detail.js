/* One picture, large, with all that is known about it. */

import { get } from "./api.js";
import { byId, element, link, moment } from "./elements.js";
import { placeholder } from "./thumbhash.js";

const dialog = byId("detail");
let shown = null;
let neighbours = () => [null, null];

/** Open a picture; ``around(item)`` gives the ones before and after it. */
export async function openDetail(item, around) {
  shown = item.asset_id;
  neighbours = () => around(item);
  const [before, after] = neighbours();
  byId("previous").disabled = before === null;
  byId("next").disabled = after === null;
  byId("detail-title").textContent = item.title || "Untitled";
  byId("detail-body").replaceChildren(element("p", {}, "Loading …"));
  const picture = byId("detail-picture");
  picture.src = item.public_url;
  picture.alt = item.alt_text || item.title || "";
  picture.parentElement.style.backgroundImage = placeholder(item.thumbhash);
  if (!dialog.open) dialog.showModal();
  try {
    const [asset, history] = await Promise.all([
      get(`/v1/assets/${item.asset_id}`),
      get(`/v1/assets/${item.asset_id}/events`),
    ]);
    if (shown === item.asset_id) byId("detail-body").replaceChildren(...body(asset, history.items));
  } catch (problem) {
    if (shown !== item.asset_id) return;
    byId("detail-body").replaceChildren(element("p", { className: "problem" }, problem.message));
  }
}

function step(index) {
  const [before, after] = neighbours();
  const item = [before, after][index];
  if (item) item.open();
}

byId("previous").addEventListener("click", () => step(0));
byId("next").addEventListener("click", () => step(1));
byId("detail-picture").addEventListener("load", (event) => {
  event.target.parentElement.style.backgroundImage = "none"; // the blur would show beside it
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(0);
  if (event.key === "ArrowRight") step(1);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => {
  byId("detail-picture").removeAttribute("src");
  shown = null;
});

function body(asset, history) {
  return [
    asset.alt_text ? element("p", {}, asset.alt_text) : null,
    chips([...asset.categories.map((one) => one.name ?? one.category_id), ...asset.tags]),
    ...section("Public URL", link(asset.public_url)),
    ...section("Picture", definitions(picture(asset))),
    swatches(asset.facts?.dominant_colours ?? []),
    ...section("Renditions", list("ul", asset.renditions.map(rendition))),
    ...section("Where it comes from", definitions(provenance(asset))),
    ...section("History", list("ol", history.map(happened))),
  ].filter((one) => one !== null);
}

function section(title, ...content) {
  return [element("h3", {}, title), ...content];
}

function list(name, items) {
  return element(name, {}, ...items.map((item) => element("li", {}, ...item)));
}

function chips(words) {
  return element("ul", { className: "chips" }, ...words.map((word) => element("li", {}, word)));
}

function swatches(colours) {
  const boxes = colours.map((colour) => {
    const box = element("li", { className: "swatch", title: colour });
    box.style.background = colour;
    return box;
  });
  return element("ul", { className: "chips", ariaLabel: "Dominant colours" }, ...boxes);
}

function definitions(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", {}, ...known.flatMap(([name, value]) => [
    element("dt", {}, name), element("dd", {}, value),
  ]));
}

function picture({ original, facts }) {
  const exif = facts?.exif ?? {};
  return [
    ["Size", original ? `${original.width} × ${original.height}` : null],
    ["Original", original ? `${original.media_type}, ${size(original.size_bytes)}` : null],
    ["Camera", facts?.camera],
    ["Taken", facts?.captured_at ? moment(facts.captured_at) : null],
    ...Object.entries(exif).map(([name, value]) => [words(name), value]),
  ];
}

function provenance({ source, fetch, created_at: createdAt, version }) {
  return [
    ["Source", source.url ? link(source.url) : (source.file_name ?? "upload")],
    ["Handed over", moment(createdAt)],
    ["Answered", fetch ? `HTTP ${fetch.status} in ${fetch.duration_ms} ms` : null],
    ["Version", String(version)],
  ];
}

function rendition({ url, name, media_type: mediaType, width, height, size_bytes: bytes }) {
  return [
    link(url, `${name} · ${mediaType.replace("image/", "")}`),
    element("small", {}, `${width} × ${height}, ${size(bytes)}`),
  ];
}

function happened({ name, happened_at: happenedAt, actor }) {
  return [words(name), element("small", {}, `${moment(happenedAt)} · ${actor}`)];
}

const words = (name) =>
  name.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase()
    .replace(/^./, (letter) => letter.toUpperCase());

const size = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
