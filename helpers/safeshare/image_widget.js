// Draws the image viewer: a picture, shapes over it that mouse and keyboard change, and a magnifier.
// Places are in pixels of the image, whatever size it is shown in.

const SVG = "http://www.w3.org/2000/svg";
const LEAST = 3; // pixels on the screen that the mouse is pulled before a box begins

const KEYS = [
  ["arrow keys, Home, End", "go to another box"],
  ["Enter or Space", "strip the box, or keep what is in it"],
  ["Delete", "take the box away"],
  ["N", "make a new box; E: change this one"],
  ["then arrow keys", "move it; with Shift: size it; with Alt: by single pixels; Enter: done; Escape: as it was"],
  ["M, W, H, A", "magnifier; words that were read; hide boxes; before or after"],
];

function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "polygon", "text", "title"].includes(name);
  const node = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function corners({ box: [x0, y0, x1, y1], outline }) {
  return outline.length ? outline : [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

function render({ model, el }) {
  const { frames, rows, columns, sides } = model.get("size");
  const limit = (value, least, most) => Math.min(most, Math.max(least, value));
  let current = 0; // the index of the shape that the keyboard is on
  let editing = null; // the shapes as they were before a box was made or changed
  let hidden = false, worded = false, magnifying = false, asked = false, place = null, pulled = null;
  const pictures = new Map();

  const image = make("img", { draggable: "false" });
  const svg = make("svg", {
    viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", role: "application",
    "aria-label": "Boxes on the picture: arrow keys go from one to the next",
  });
  const glass = make("img", { class: "glass", alt: "", hidden: "" });
  const stage = make("div", { class: "stage" }, image, svg, glass);
  stage.style.maxWidth = `${Math.max(columns, 640)}px`;
  const status = make("p", { role: "status" });
  const bar = make("div", { class: "bar", role: "toolbar", "aria-label": "Viewer" });
  const button = (text, action, pressed) => {
    const node = make("button", { type: "button", ...(pressed && { "aria-pressed": "false" }) }, text);
    node.addEventListener("click", action);
    bar.append(node);
    return node;
  };

  const slider = make("input", { type: "range", min: 1, max: frames, value: 1, "aria-label": "Frame" });
  const frameText = make("output", {});
  if (frames > 1) bar.append(make("label", {}, "Frame ", slider, " ", frameText));
  const afterButton = sides > 1 ? button("After", () => turn(), true) : null;
  button("New box (N)", () => add());
  button("Keep or strip (Enter)", () => toggle());
  button("Delete box (Del)", () => remove());
  const glassButton = button("Magnifier (M)", () => magnify(!magnifying), true);
  const wordButton = button("Words (W)", () => spell(!worded), true);
  const hideButton = button("Hide boxes (H)", () => hide(!hidden), true);
  const keys = make("table", {}, ...KEYS.map(([key, what]) => make("tr", {}, make("th", { scope: "row" }, key), make("td", {}, what))));
  const help = make("details", {}, make("summary", {}, "Keys"), keys,
    "With the mouse: pull to draw a box, click a box to keep or to strip it.");
  const root = make("div", { class: "safeshare-image" }, bar, stage, status, help);
  el.append(root);

  const shapes = () => model.get("shapes");
  const wanted = () => model.get("wanted");
  const onFrame = (shape) => shape.frame === null || shape.frame === wanted().frame;
  const visible = () => [...shapes().keys()].filter((index) => onFrame(shapes()[index]));

  function change(list) {
    model.set("shapes", list);
    model.save_changes();
    draw();
  }

  function words(shape, index) {
    const seen = visible();
    const [x0, y0, x1, y1] = shape.box;
    const label = shape.label ? ` “${shape.label}”` : "";
    return `Box ${seen.indexOf(index) + 1} of ${seen.length}${label}, x ${x0} to ${x1}, y ${y0} to ${y1}`;
  }

  function draw() {
    const focused = svg.contains(root.getRootNode().activeElement);
    const seen = hidden ? [] : visible();
    if (!seen.includes(current)) current = seen[0] ?? 0;
    svg.replaceChildren(...seen.map((index) => {
      const shape = shapes()[index];
      const points = corners(shape).map((point) => point.join(",")).join(" ");
      const kind = `${shape.strip ? "strip" : "keep"}${index === current ? " current" : ""}${editing && index === current ? " editing" : ""}`;
      return make("g", {
        class: kind, role: "checkbox", "aria-checked": String(shape.strip), tabindex: index === current ? 0 : -1,
        "aria-label": `${words(shape, index)}: strip`, "data-index": index,
      }, make("title", {}, shape.label), make("polygon", { points, class: "halo" }), make("polygon", { points, class: "line" }),
      ...(worded && shape.label ? [word(shape)] : []));
    }));
    if (seen.length) svg.removeAttribute("tabindex");
    else svg.setAttribute("tabindex", "0");
    if (focused) focus();
    tell();
  }

  function word({ box: [x0, y0], label }) {
    const size = (12 * columns) / (stage.clientWidth || columns); // 12 pixels on the screen
    return make("text", { x: x0, y: y0 > size ? y0 - size / 6 : y0 + size, "font-size": size, "aria-hidden": "true" }, label);
  }

  function tell() {
    const all = shapes();
    const going = all.filter((shape) => shape.strip).length;
    const counts = `${going} to strip, ${all.length - going} to keep.`;
    const shape = all[current];
    if (editing) status.textContent = `${words(shape, current)}. Arrows move, Shift and arrows size, Enter is done.`;
    else if (hidden) status.textContent = `The boxes are hidden. ${counts}`;
    else if (!shape || !onFrame(shape)) status.textContent = `No box here. ${counts}`;
    else status.textContent = `${words(shape, current)}: ${shape.strip ? "to strip" : "to keep"}. ${counts}`;
  }

  function focus() {
    (svg.querySelector(".current") ?? svg).focus({ preventScroll: true });
  }

  function select(index) {
    current = index;
    draw();
    focus();
    if (magnifying) look(...middle(shapes()[current]));
  }

  function toggle(index = current) {
    if (!shapes()[index] || hidden) return;
    current = index;
    change(shapes().map((shape, at) => (at === index ? { ...shape, strip: !shape.strip } : shape)));
  }

  function remove() {
    const seen = visible();
    if (!seen.includes(current) || hidden) return;
    editing = null;
    const next = seen[seen.indexOf(current) + 1] ?? seen[seen.indexOf(current) - 1] ?? 0;
    const list = shapes().filter((_, at) => at !== current);
    current = next > current ? next - 1 : next;
    change(list);
  }

  // A new box is for all frames, unless those that were found are for single ones, as in a stack of slices.
  function put(box) {
    const frame = shapes().some((shape) => shape.frame !== null) ? wanted().frame : null;
    current = shapes().length;
    change([...shapes(), { box, frame, label: "", outline: [], strip: true }]);
    focus();
  }

  function add() {
    hide(false);
    const before = editing ?? shapes();
    const [x, y] = place ?? [columns / 2, rows / 2];
    const [wide, high] = [Math.max(4, columns / 8), Math.max(4, rows / 20)].map(Math.round);
    const left = limit(Math.round(x - wide / 2), 0, columns - wide), top = limit(Math.round(y - high / 2), 0, rows - high);
    editing = before;
    put([left, top, left + wide, top + high]);
  }

  function edit() {
    if (!shapes()[current] || hidden) return;
    editing = shapes();
    draw();
  }

  function move(x, y, sizes, fine) {
    const step = fine ? 1 : Math.max(1, Math.round(columns / 160));
    const list = [...shapes()];
    let [x0, y0, x1, y1] = list[current].box;
    const dx = limit(x * step, sizes ? x0 + 1 - x1 : -x0, columns - x1);
    const dy = limit(y * step, sizes ? y0 + 1 - y1 : -y0, rows - y1);
    list[current] = { ...list[current], outline: [], box: sizes ? [x0, y0, x1 + dx, y1 + dy] : [x0 + dx, y0 + dy, x1 + dx, y1 + dy] };
    change(list);
    if (magnifying) look(...middle(list[current]));
  }

  function middle({ box: [x0, y0, x1, y1] }) {
    return [(x0 + x1) / 2, (y0 + y1) / 2];
  }

  // The nearest box in the direction of an arrow key; what lies askew counts as farther away.
  function neighbour(x, y) {
    const [fromX, fromY] = middle(shapes()[current]);
    let best = current, least = Infinity;
    for (const index of visible()) {
      const [toX, toY] = middle(shapes()[index]);
      const ahead = x * (toX - fromX) + y * (toY - fromY);
      const askew = Math.abs(y * (toX - fromX)) + Math.abs(x * (toY - fromY));
      if (index !== current && ahead > 0 && ahead + 2 * askew < least) [best, least] = [index, ahead + 2 * askew];
    }
    return best;
  }

  function hide(value) {
    hidden = value;
    hideButton.setAttribute("aria-pressed", String(hidden));
    draw();
  }

  function spell(value) {
    worded = value;
    wordButton.setAttribute("aria-pressed", String(worded));
    draw();
  }

  function turn() {
    if (sides < 2) return;
    show({ ...wanted(), side: 1 - wanted().side });
  }

  // --- pictures: of the frame and the side that are wanted, and what is under the magnifier ---

  function show(next) {
    model.set("wanted", next);
    model.save_changes();
    paint();
    draw();
  }

  function paint() {
    const { side, frame } = wanted();
    const url = pictures.get(`${side} ${frame}`);
    if (url) image.src = url;
    const which = sides > 1 ? ["Before, ", "After, "][side] : "";
    image.alt = `${which}${frames > 1 ? `frame ${frame + 1} of ${frames}` : "the image"}, ${columns} by ${rows} pixels`;
    frameText.textContent = `${frame + 1} of ${frames}`;
    slider.value = frame + 1;
    if (afterButton) afterButton.setAttribute("aria-pressed", String(side === 1));
  }

  function received() {
    const { side, frame, data } = model.get("picture");
    if (!data) return;
    pictures.set(`${side} ${frame}`, URL.createObjectURL(new Blob([data], { type: "image/jpeg" })));
    paint();
  }

  function magnify(value) {
    magnifying = value;
    glassButton.setAttribute("aria-pressed", String(magnifying));
    if (!magnifying) glass.hidden = true;
    else look(...(place ?? (shapes()[current] ? middle(shapes()[current]) : [columns / 2, rows / 2])));
  }

  function look(x, y) {
    place = [x, y];
    const left = (x / columns) * stage.clientWidth, top = (y / rows) * stage.clientHeight;
    glass.style.left = left > stage.clientWidth / 2 ? "4px" : "auto";
    glass.style.right = left > stage.clientWidth / 2 ? "auto" : "4px";
    glass.style.top = top > stage.clientHeight / 2 ? "4px" : "auto";
    glass.style.bottom = top > stage.clientHeight / 2 ? "auto" : "4px";
    if (asked) return; // one question at a time; the answer brings the next
    asked = true;
    model.set("lens", { x, y, ...wanted() });
    model.save_changes();
  }

  function magnified() {
    const { data, x, y } = model.get("magnified");
    asked = false;
    if (!data || !magnifying) return;
    URL.revokeObjectURL(glass.src);
    glass.src = URL.createObjectURL(new Blob([data], { type: "image/png" }));
    glass.alt = `Magnified around x ${Math.round(x)}, y ${Math.round(y)}`;
    glass.hidden = false;
    if (place && (place[0] !== x || place[1] !== y)) look(...place);
  }

  // --- mouse and keyboard ---

  function at(event) {
    const { left, top, width, height } = svg.getBoundingClientRect();
    return [limit(((event.clientX - left) / width) * columns, 0, columns), limit(((event.clientY - top) / height) * rows, 0, rows)];
  }

  function between([ax, ay], [bx, by]) {
    return [Math.floor(Math.min(ax, bx)), Math.floor(Math.min(ay, by)), Math.ceil(Math.max(ax, bx)), Math.ceil(Math.max(ay, by))];
  }

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const group = event.target.closest("g");
    pulled = { from: at(event), x: event.clientX, y: event.clientY, index: group ? Number(group.dataset.index) : null, ghost: null };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (magnifying) look(...at(event));
    if (!pulled) return;
    if (!pulled.ghost && Math.hypot(event.clientX - pulled.x, event.clientY - pulled.y) < LEAST) return;
    pulled.ghost ??= svg.appendChild(make("polygon", { class: "line ghost" }));
    const points = corners({ box: between(pulled.from, at(event)), outline: [] });
    pulled.ghost.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  });
  svg.addEventListener("pointerup", (event) => {
    if (!pulled) return;
    const { from, index, ghost } = pulled;
    pulled = null;
    editing = null;
    if (ghost) {
      hide(false);
      put(between(from, at(event)));
    } else if (index !== null) {
      toggle(index);
      focus();
    } else focus();
  });
  svg.addEventListener("pointercancel", () => { pulled = null; draw(); });
  svg.addEventListener("pointerleave", () => { if (magnifying && !pulled) glass.hidden = true; });

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const ACTIONS = { n: add, e: edit, m: () => magnify(!magnifying), w: () => spell(!worded), h: () => hide(!hidden), a: turn, delete: remove, backspace: remove };
  svg.addEventListener("focusin", (event) => {
    const group = event.target.closest("g");
    if (group && Number(group.dataset.index) !== current) select(Number(group.dataset.index));
  });
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && editing) move(...arrow, event.shiftKey, event.altKey);
    else if (arrow && visible().length && !hidden) select(neighbour(...arrow));
    else if (event.key === "Home" && visible().length) select(visible()[0]);
    else if (event.key === "End" && visible().length) select(visible().at(-1));
    else if (event.key === "Enter" && editing) { editing = null; draw(); }
    else if (event.key === "Escape" && editing) { const before = editing; editing = null; change(before); }
    else if (event.key === "Enter" || event.key === " ") toggle();
    else if (ACTIONS[event.key.toLowerCase()]) ACTIONS[event.key.toLowerCase()]();
    else return;
    event.preventDefault();
  });
  root.addEventListener("keydown", (event) => { // or JupyterLab takes arrows and Enter for its own
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  slider.addEventListener("input", () => show({ ...wanted(), frame: Number(slider.value) - 1 }));

  model.on("change:shapes", draw);
  model.on("change:wanted", paint);
  model.on("change:picture", received);
  model.on("change:magnified", magnified);
  received();
  paint();
  draw();
  return () => {
    model.off("change:shapes", draw);
    model.off("change:wanted", paint);
    model.off("change:picture", received);
    model.off("change:magnified", magnified);
    for (const url of pictures.values()) URL.revokeObjectURL(url);
  };
}

export default { render };
