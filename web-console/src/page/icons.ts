// The page's few icons, drawn by hand as SVG in the colours of the text around them.

import { svg } from "./dom";

/** The mark: a planet with the shadow of its night. */
export function planet(): SVGElement {
  return svg(
    "svg",
    { class: "planet", viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("circle", { cx: "16", cy: "16", r: "13", class: "planet-day" }),
    svg("path", { d: "M16 3a13 13 0 0 1 0 26 17 17 0 0 0 0-26z", class: "planet-night" }),
    svg("circle", { cx: "10.5", cy: "12", r: "2.2", class: "planet-crater" }),
    svg("circle", { cx: "13", cy: "20.5", r: "1.4", class: "planet-crater" }),
  );
}

/** A small robot from the side. */
export function rover(): SVGElement {
  return svg(
    "svg",
    { class: "rover", viewBox: "0 0 48 40", "aria-hidden": "true" },
    svg("path", { d: "M8 18h28l4 7H6z", class: "stroke" }),
    svg("path", { d: "M28 18V9m-4-1h9v-5h-9z", class: "stroke" }),
    svg("circle", { cx: "13", cy: "31", r: "5.5", class: "stroke" }),
    svg("circle", { cx: "34", cy: "31", r: "5.5", class: "stroke" }),
  );
}

/** What stands in the video's place while there is none: hills, a low sun, a rover. */
export function landscape(): SVGElement {
  return svg(
    "svg",
    { class: "landscape", viewBox: "0 0 640 480", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    svg("rect", { width: "640", height: "480", class: "sky" }),
    svg("circle", { cx: "468", cy: "196", r: "34", class: "sun" }),
    svg("path", { d: "M0 272c70-44 128-50 190-22s112 22 168-8 150-44 282 18v220H0z", class: "hills-far" }),
    svg("path", { d: "M0 330c96-34 170-30 262-8s224 16 378-26v184H0z", class: "hills-near" }),
    svg("path", { d: "M0 404c180-22 420-30 640-6v82H0z", class: "ground" }),
    svg(
      "g",
      { class: "landscape-rover", transform: "translate(150 328) scale(1.9)" },
      svg("path", { d: "M8 18h28l4 7H6z" }),
      svg("path", { d: "M27 18V9h-3V3h9v6h-3v9z" }),
      svg("circle", { cx: "13", cy: "31", r: "6" }),
      svg("circle", { cx: "34", cy: "31", r: "6" }),
    ),
  );
}

/** An arrow that points up; the style sheet turns it. */
export function arrow(): SVGElement {
  return svg(
    "svg",
    { class: "arrow", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: "M12 5v14M5.5 11.5 12 5l6.5 6.5", class: "stroke" }),
  );
}

const SOUNDS = {
  listen: "M4 9.5v5h4l5 4v-13l-5 4zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  talk: "M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5zM6.5 11a5.5 5.5 0 0 0 11 0M12 16.5V20M9 20h6",
} as const;

/** On the buttons of sound. */
export function soundIcon(name: keyof typeof SOUNDS): SVGElement {
  return svg("svg", { class: "tool-icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: SOUNDS[name], class: "stroke" }));
}

const TOOLS = {
  turn: "M19 12a7 7 0 1 1-2.1-5M19 4v4h-4",
  save: "M4 8h4l1.5-2.5h5L16 8h4v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
} as const;

/** On the video's buttons. */
export function toolIcon(name: keyof typeof TOOLS): SVGElement {
  return svg("svg", { class: "tool-icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: TOOLS[name], class: "stroke" }));
}
