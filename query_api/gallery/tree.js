/* The category tree at the side. */

import { byId, element } from "./elements.js";

/** Show the categories; ``choose`` is told the category that was clicked, null for all. */
export function showTree(categories, choose) {
  const children = Map.groupBy
    ? Map.groupBy(categories, (category) => category.parent_id)
    : grouped(categories);
  const buttons = new Map();

  function entry(category) {
    const id = category?.category_id ?? null;
    const button = element("button", { type: "button" }, category?.name ?? "All pictures");
    button.addEventListener("click", () => choose(category));
    buttons.set(id, button);
    const below = id === null ? [] : (children.get(id) ?? []);
    return element(
      "li", {}, button,
      below.length ? element("ul", {}, ...below.map(entry)) : null,
    );
  }

  const known = new Set(categories.map((category) => category.category_id));
  const roots = categories.filter((category) => !known.has(category.parent_id));
  byId("tree").replaceChildren(entry(null), ...roots.map(entry));
  return (category) => {
    for (const [id, button] of buttons) {
      if (id === (category?.category_id ?? null)) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  };
}

function grouped(categories) {
  const found = new Map();
  for (const category of categories) {
    const siblings = found.get(category.parent_id);
    if (siblings) siblings.push(category);
    else found.set(category.parent_id, [category]);
  }
  return found;
}
