// Asks questions: choose an option, press the button, and read what is said to it.
// Plain elements tell a screen reader what they are: the legend names the group of options, and a status is read out.

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function html(name, markup) {
  const node = make(name);
  node.innerHTML = markup;
  return node;
}

// A form of its own keeps the question's radio buttons apart from all others, and lets the Enter key check the answer.
function ask({ text, options }) {
  const said = make("p", { role: "status" });
  const choices = options.map((option, index) =>
    make("label", {}, make("input", { type: "radio", name: "option", value: index }), html("span", option.text)));
  const button = make("button", { type: "submit" }, "Check my answer");
  const form = make("form", {}, make("fieldset", {}, html("legend", text), ...choices), button, said);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.elements.option.value;
    const answer = options[chosen]?.answer ?? "Choose one of the options first.";
    said.className = answer.startsWith("✔") ? "right" : "";
    said.innerHTML = said.className || chosen === "" ? answer : `Think again. ${answer}`;
  });
  form.addEventListener("change", () => { said.textContent = ""; });
  return form;
}

function render({ model, el }) {
  const root = make("div", { class: "safeshare-quiz" }, ...model.get("questions").map(ask));
  // JupyterLab would take the arrow keys to go to another cell.
  root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });
  el.append(root);
}

export default { render };
