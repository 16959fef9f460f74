// Images: thumbnails as they are in the data; originals, which lie in the page as text, on demand.

const urls = new Map(); // of blobs, by digest

function originalBlob(index) {
  const {digest, mime} = data.images[index];
  const island = document.getElementById(`o${digest}`);
  if (!island) return null;
  const type = /^image\//.test(mime) ? mime : "image/png";
  try {
    return new Blob([bytesOf(island.textContent.trim())], {type});
  } catch { // it is not base64
    return null;
  }
}
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}
function originalUrl(index) {
  const {digest} = data.images[index];
  if (data.live) return `image/${digest}`;
  if (!urls.has(digest)) {
    const blob = originalBlob(index);
    if (!blob) return "";
    urls.set(digest, URL.createObjectURL(blob));
  }
  return urls.get(digest);
}
// Called when another cell is shown: what showed the images is taken out of the page.
function releaseOriginals() {
  for (const url of urls.values()) URL.revokeObjectURL(url);
  urls.clear();
}

function imageElement(index, alt, isSmall = false) {
  const {width, height, thumb} = data.images[index];
  const size = width && height ? {width, height} : {};
  // The big one takes the place of another without a blank between them.
  const made = el("img", {alt, decoding: isSmall ? "async" : "sync", ...size});
  if (isSmall && /^data:image\//.test(thumb)) {
    made.loading = "lazy";
    made.src = thumb;
  } else if (isSmall) {
    whenSeen(made, () => showOriginal(made, index));
  } else {
    showOriginal(made, index);
  }
  return made;
}
function showOriginal(made, index) {
  const url = originalUrl(index);
  if (url) made.src = url;
  else if (document.readyState === "loading") setTimeout(() => showOriginal(made, index), 30); // it comes
}

// f() once the element comes near to what is seen.
const waiting = new WeakMap();
const seen = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.get(target)();
  }
}, {rootMargin: "300px"});
function whenSeen(element, f) {
  waiting.set(element, f);
  seen.observe(element);
}
