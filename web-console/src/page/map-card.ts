// A map of where the robot is and has been; nothing where it does not tell.

import type { Pose } from "../wire";
import { el, setText, svg } from "./dom";
import { Path, scaleBar } from "./path";
import { decimal } from "../format";
import { texts } from "../language";

/** Pixels of the drawing from its middle to an edge. */
const HALF = 100;

export interface MapCard {
  element: HTMLElement;
  show(pose: Pose | undefined): void;
}

export function mapCard(): MapCard {
  const path = new Path();
  let shown: Pose | undefined;
  const line = svg("polyline", { class: "map-path" });
  const start = svg("circle", { class: "map-start", r: "3" });
  const robot = svg("path", { class: "map-robot", d: "M8 0L-6 5.5L-3 0L-6-5.5z" });
  const bar = svg("path", { class: "map-bar" });
  const length = svg("text", { class: "map-length", x: "-92", y: "84" });
  const drawing = svg(
    "svg",
    { class: "map", viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, role: "img" },
    line,
    start,
    robot,
    bar,
    length,
  );
  const element = el("section", { class: "card", hidden: true }, el("h2", {}, texts.map), drawing);
  return {
    element,
    show(pose) {
      element.hidden = pose === undefined;
      if (pose === undefined) return;
      if (shown !== undefined && pose.x === shown.x && pose.y === shown.y && pose.theta === shown.theta) return;
      shown = pose;
      path.add(pose);
      const { x, y, reach } = path.extent(pose);
      // Forward of the start is up, left of it is left.
      const scale = HALF / reach;
      const place = (point: { x: number; y: number }) => [(y - point.y) * scale, (x - point.x) * scale] as const;
      line.setAttribute("points", path.points.map((point) => place(point).map(Math.round).join()).join(" "));
      start.setAttribute("transform", `translate(${place({ x: 0, y: 0 }).join()})`);
      const heading = -90 - (pose.theta * 180) / Math.PI;
      robot.setAttribute("transform", `translate(${place(pose).join()}) rotate(${heading})`);
      const metres = scaleBar(reach / 2);
      bar.setAttribute("d", `M-92 92h${metres * scale}`);
      setText(length, `${metres} m`);
      drawing.setAttribute("aria-label", sentence(pose));
    },
  };
}

/** Where it stands, for who does not see the map. */
export function sentence({ x, y }: Pose): string {
  const along = x < 0 ? (y < 0 ? texts.behindRight : texts.behind) : y < 0 ? texts.aheadRight : texts.ahead;
  return along(decimal(Math.abs(x), 1), decimal(Math.abs(y), 1));
}
