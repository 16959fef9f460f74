// Two images: side by side, one over the other, in turn, and their difference.

const IMAGE_WAYS = [["side", "Side by side"], ["swipe", "Swipe"], ["blink", "Blink"], ["difference", "Difference"]];

// An element that shows two images in the chosen way; its redraw() follows another choice.
function imagesElement(before, after, where) {
  const holder = el("div", {class: "two-images"});
  holder.redraw = () => holder.replaceChildren(imagesShown(before, after, where));
  holder.redraw();
  return holder;
}
function imagesShown(before, after, where) {
  const image = (index, side) => imageElement(index, `${side} of ${where}`);
  const sides = [["Baseline", before], ["Chosen", after]];
  if (state.images === "side") {
    return el("div", {class: "sides"}, ...sides.map(([name, index]) => el("figure", {}, image(index, name), el("figcaption", {}, name))));
  }
  const stack = el("div", {class: `stack ${state.images}`}, ...sides.map(([name, index]) => image(index, name)));
  if (state.images === "swipe") {
    const range = el("input", {type: "range", min: 0, max: 100, value: 50, "aria-label": "How much of the baseline is shown",
      oninput: () => stack.style.setProperty("--at", `${range.value}%`)});
    return el("div", {class: "swiping"}, stack, el("div", {class: "swipe-ends"}, el("span", {}, "Baseline"), range, el("span", {}, "Chosen")));
  }
  if (state.images === "blink") {
    const word = el("span", {}, "Chosen");
    const turn = button(["Blink: ", word], () => {
      word.textContent = stack.classList.toggle("shows-base") ? "Baseline" : "Chosen";
    }, {class: "plain blinker"});
    return el("div", {}, stack, turn);
  }
  const canvas = el("canvas", {role: "img", "aria-label": `Difference of ${where}`}), said = el("p", {class: "muted"}, "…");
  drawDifference(canvas, before, after).then((text) => { said.textContent = text; },
    () => { said.textContent = "The difference cannot be drawn: an image is not readable."; });
  return el("div", {}, canvas, said);
}

// Draw where two images differ, on what they have in common in pale; what to say of it.
async function drawDifference(canvas, before, after) {
  const [a, b] = await Promise.all([before, after].map(pixelsSource));
  const width = Math.max(a.width, b.width), height = Math.max(a.height, b.height);
  const scale = Math.min(1, 2000 / Math.max(width, height, 1));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const pixels = (source) => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, 0, source.width * scale, source.height * scale);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  };
  const one = pixels(a), other = pixels(b);
  let count = 0;
  for (let i = 0; i < other.data.length; i += 4) {
    const by = Math.max(Math.abs(one.data[i] - other.data[i]), Math.abs(one.data[i + 1] - other.data[i + 1]),
      Math.abs(one.data[i + 2] - other.data[i + 2]));
    const pale = 255 - (255 - (other.data[i] + other.data[i + 1] + other.data[i + 2]) / 3) * 0.25;
    const is = by > 12;
    if (is) count += 1;
    const share = is ? Math.min(1, 0.35 + by / 255) : 0;
    other.data[i] = pale + (200 - pale) * share;
    other.data[i + 1] = pale + (20 - pale) * share;
    other.data[i + 2] = pale + (60 - pale) * share;
    other.data[i + 3] = 255;
  }
  context.putImageData(other, 0, 0);
  const share = 100 * count / (canvas.width * canvas.height);
  const sizes = a.width === b.width && a.height === b.height ? "" : `; sizes ${a.width} × ${a.height} → ${b.width} × ${b.height}`;
  return `${share > 0 && share < 0.1 ? "under 0.1" : numberText(share, 2)} % of the pixels differ${sizes}`;
}
async function pixelsSource(index) {
  const image = new Image();
  image.src = originalUrl(index);
  await image.decode();
  return image;
}
