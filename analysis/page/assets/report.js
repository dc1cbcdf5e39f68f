// Draws every figure in the colours that the reader prefers, and again when the preference changes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 600px)");

function themed(layout) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const grid = { gridcolor: color("--line"), zerolinecolor: color("--line"), linecolor: color("--line"), automargin: true, exponentformat: "power" };
  const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
  const result = {
    ...layout,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 12 : 14, color: color("--ink") },
    hoverlabel: { bgcolor: color("--tint"), bordercolor: color("--line"), font: { color: color("--ink") } },
    margin: { l: 8, r: 12, t: 48, b: 8, ...layout.margin },
  };
  for (const key of axes) {
    const title = { ...layout[key].title, font: { size: narrow.matches ? 12 : 14 }, standoff: 10 };
    result[key] = { ...layout[key], ...grid, title };
  }
  return result;
}

const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };
const figures = [...document.querySelectorAll(".plot")].map((box) => {
  const source = box.querySelector("script");
  const { data, layout } = JSON.parse(source.textContent);
  source.remove();
  delete layout.template;
  return { box, data, layout };
});
const draw = () => figures.forEach(({ box, data, layout }) => Plotly.react(box, data, themed(structuredClone(layout)), config));
draw();
// What was drawn inside something folded has no width until it is opened.
for (const fold of document.querySelectorAll("details")) {
  fold.addEventListener("toggle", () => fold.querySelectorAll(".plot").forEach((box) => Plotly.Plots.resize(box)));
}
// A table wider than its box says so, and says no more at its right end.
const boxes = [...document.querySelectorAll(".scrolling")].map((around) => ({ around, box: around.querySelector(".scroll") }));
function tellOfMore() {
  for (const { around, box } of boxes) {
    around.classList.toggle("overflows", box.scrollWidth > box.clientWidth + 1);
    around.classList.toggle("at-end", box.scrollLeft + box.clientWidth > box.scrollWidth - 2);
  }
}
boxes.forEach(({ box }) => box.addEventListener("scroll", tellOfMore, { passive: true }));
document.querySelectorAll("details").forEach((fold) => fold.addEventListener("toggle", tellOfMore));
window.addEventListener("resize", tellOfMore);
tellOfMore();
dark.addEventListener("change", draw);
narrow.addEventListener("change", draw);
