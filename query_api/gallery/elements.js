/* Builds elements; text is always text, never markup. */

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** A link to a web address; anything else stays text. */
export function link(address, text = address) {
  return /^https?:\/\//i.test(address)
    ? element("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, text)
    : element("span", {}, text);
}

export const moment = (text) =>
  new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
