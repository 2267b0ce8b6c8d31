/* The gallery: asks for a key once, then shows pictures page by page. */

import { forgetKey, get, hasKey, keepKey, takeKeyFromAddress } from "./api.js";
import { openDetail } from "./detail.js";
import { byId, element } from "./elements.js";
import { placeholder } from "./thumbhash.js";
import { showTree } from "./tree.js";

const PAGE = 50;
const filter = byId("filter");
const more = byId("more");
const status = byId("status");

let category = null;
let mark = () => {};
let shown = [];
let next = null;
let listing = 0; // counts the listings, so that a late page of another one is dropped

function firstPage() {
  const { from, to, order } = Object.fromEntries(new FormData(filter));
  const query = new URLSearchParams({ order, limit: PAGE });
  if (from) query.set("from", from);
  if (to) query.set("to", dayAfter(to));
  if (category === null) return `/v1/assets?${query}`;
  query.set("include_descendants", "true");
  return `/v1/categories/${encodeURIComponent(category.category_id)}/assets?${query}`;
}

function dayAfter(day) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}

async function restart() {
  listing += 1;
  shown = [];
  next = firstPage();
  byId("grid").replaceChildren();
  byId("heading").textContent = category?.name ?? "All pictures";
  mark(category);
  await loadMore();
}

async function loadMore() {
  if (next === null) return;
  const [mine, page] = [listing, next];
  next = null; // one page at a time
  more.hidden = true;
  say("Loading …");
  try {
    const answer = await get(page);
    if (mine !== listing) return;
    next = answer.next;
    show(answer.items);
    more.hidden = next === null;
    say(summary());
    if (answer.items.length === 0 && next !== null) await loadMore();
  } catch (problem) {
    if (mine !== listing) return;
    if (problem.status === 401 || problem.status === 403) return ask(problem.message);
    next = page;
    more.hidden = false;
    say(problem.message, true);
  }
}

function summary() {
  if (shown.length === 0) return "No pictures here yet.";
  const count = shown.length === 1 ? "1 picture" : `${shown.length} pictures`;
  return next === null ? `${count}; that is all.` : `${count} so far.`;
}

function say(text, isProblem = false) {
  status.textContent = text;
  status.classList.toggle("problem", isProblem);
}

function show(items) {
  const opening = items.map((item) => ({ ...item, open: () => openDetail(item, around) }));
  shown.push(...opening);
  byId("grid").append(...opening.map(tile));
}

function around(item) {
  const at = shown.findIndex((one) => one.asset_id === item.asset_id);
  if (at >= shown.length - 3) loadMore();
  return [shown[at - 1] ?? null, shown[at + 1] ?? null];
}

function tile(item) {
  const ratio = Math.min(3, Math.max(0.5, item.width / item.height));
  const name = item.alt_text || item.title || "Untitled picture";
  const image = element("img", { alt: name, loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => image.classList.add("loaded"));
  image.addEventListener("error", () => image.removeAttribute("srcset"), { once: true });
  const share = Math.min(1, item.width / item.height); // of a rendition's box
  image.sizes = `calc(${ratio} * 15rem)`;
  image.srcset = `${item.thumbnail_url} ${Math.round(256 * share)}w,`
    + ` ${item.public_url}/medium ${Math.round(1024 * share)}w`;
  image.src = item.thumbnail_url;
  const button = element(
    "button", { type: "button", className: "picture" },
    image, element("span", { ariaHidden: "true" }, item.title || "Untitled"),
  );
  button.style.backgroundColor = item.dominant_colour;
  button.style.backgroundImage = placeholder(item.thumbhash);
  button.addEventListener("click", item.open);
  const place = element("li", {}, button);
  place.style.flex = `${ratio} 1 calc(var(--row) * ${ratio})`;
  return place;
}

async function begin() {
  byId("forget").hidden = false;
  try {
    mark = showTree(await allCategories(), (chosen) => {
      category = chosen;
      restart();
    });
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return ask(problem.message);
    return say(problem.message, true);
  }
  await restart();
}

async function allCategories() {
  const found = [];
  for (let page = "/v1/categories"; page !== null;) {
    const answer = await get(page);
    found.push(...answer.items);
    page = answer.next;
  }
  return found;
}

function ask(problem = "") {
  forgetKey();
  byId("forget").hidden = true;
  byId("key-problem").textContent = problem;
  if (!byId("ask").open) byId("ask").showModal();
}

byId("key-form").addEventListener("submit", (event) => {
  keepKey(new FormData(event.target).get("key"));
  event.target.reset();
  begin();
});
byId("ask").addEventListener("cancel", (event) => event.preventDefault());
byId("forget").addEventListener("click", () => location.reload(forgetKey()));
filter.addEventListener("change", restart);
filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("reset", () => setTimeout(restart)); // once the fields are empty
more.addEventListener("click", loadMore);
new IntersectionObserver(([seen]) => seen.isIntersecting && loadMore(), {
  rootMargin: "600px",
}).observe(more);

takeKeyFromAddress();
addEventListener("hashchange", () => {
  takeKeyFromAddress();
  if (hasKey()) begin();
});
if (hasKey()) begin();
else ask();
