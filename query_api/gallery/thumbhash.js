/* A ThumbHash (evanw.github.io/thumbhash) → a small blurred picture as a data URL. */

const SIDE = 32;

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function header(hash) {
  const first = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const second = hash[3] | (hash[4] << 8);
  const hasAlpha = first >> 23 !== 0;
  const isLandscape = second >> 15 !== 0;
  const long = hasAlpha ? 5 : 7;
  const short = second & 7;
  return {
    light: (first & 63) / 63,
    yellowBlue: ((first >> 6) & 63) / 31.5 - 1,
    redGreen: ((first >> 12) & 63) / 31.5 - 1,
    lightScale: ((first >> 18) & 31) / 31,
    yellowBlueScale: ((second >> 3) & 63) / 63,
    redGreenScale: ((second >> 9) & 63) / 63,
    hasAlpha,
    across: Math.max(3, isLandscape ? long : short),
    down: Math.max(3, isLandscape ? short : long),
    ratio: (isLandscape ? long : short) / (isLandscape ? short : long),
  };
}

/** The terms of one plane: those of a triangle, the constant one left out. */
function* places(across, down) {
  for (let y = 0; y < down; y++) {
    for (let x = y ? 0 : 1; x * down < across * (down - y); x++) yield [x, y];
  }
}

function waves(length, terms) {
  return Array.from({ length }, (_, at) =>
    Array.from({ length: terms }, (_, term) => Math.cos((Math.PI / length) * (at + 0.5) * term)));
}

export function pixels(base64) {
  const hash = bytesOf(base64);
  const head = header(hash);
  const width = Math.round(head.ratio > 1 ? SIDE : SIDE * head.ratio);
  const height = Math.round(head.ratio > 1 ? SIDE / head.ratio : SIDE);
  let nibble = head.hasAlpha ? 12 : 10; // where the terms begin
  const channel = (across, down, scale) =>
    [...places(across, down)].map(([x, y]) => {
      const value = (hash[nibble >> 1] >> ((nibble & 1) << 2)) & 15;
      nibble += 1;
      return [x, y, (value / 7.5 - 1) * scale];
    });
  const light = channel(head.across, head.down, head.lightScale);
  const yellowBlue = channel(3, 3, head.yellowBlueScale * 1.25);
  const redGreen = channel(3, 3, head.redGreenScale * 1.25);
  const alpha = head.hasAlpha ? channel(5, 5, (hash[5] >> 4) / 15) : [];
  const alphaConstant = head.hasAlpha ? (hash[5] & 15) / 15 : 1;

  const columns = waves(width, Math.max(head.across, 5));
  const rows = waves(height, Math.max(head.down, 5));
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const sum = (constant, terms) =>
        terms.reduce((total, [i, j, term]) => total + term * columns[x][i] * rows[y][j] * 2,
          constant);
      const l = sum(head.light, light);
      const p = sum(head.yellowBlue, yellowBlue);
      const q = sum(head.redGreen, redGreen);
      const blue = l - (2 / 3) * p;
      const red = (3 * l - blue + q) / 2;
      data.set([red, red - q, blue, sum(alphaConstant, alpha)].map((one) => one * 255), at);
    }
  }
  return new ImageData(data, width, height);
}

export function placeholder(base64) {
  try {
    const image = pixels(base64);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").putImageData(image, 0, 0);
    return `url(${canvas.toDataURL()})`;
  } catch {
    return ""; // the dominant colour stays
  }
}
