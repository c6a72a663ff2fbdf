// Which page is shown: sign-in, the robots of a ground station, or one channel on AWS.

import "./style/base.css";
import "./style/pages.css";
import "./style/video.css";
import "./style/controls.css";
import "./style/robot-page.css";
import "./style/cards.css";
import type { AwsChoice } from "./page/aws-form";
import { bar } from "./page/top-bar";
import { Cockpit } from "./page/robot-page";
import { signIn } from "./page/sign-in";
import { Visit } from "./page/session-page";
import * as session from "./station/session";

const root = document.querySelector<HTMLElement>("#app")!;

const kept = session.kept(Date.now());
if (kept === null) ask(null);
else visit(kept);

function ask(note: string | null): void {
  document.title = "Outpost";
  const page = signIn(
    note,
    (login) => {
      // One robot is the usual case: go there at once.
      const [only, ...others] = login.robots;
      if (only !== undefined && others.length === 0) {
        history.replaceState(null, "", `#/${encodeURIComponent(only)}`);
      }
      visit(session.keep(login));
    },
    onAws,
  );
  root.replaceChildren(page);
  root.querySelector("input")?.focus();
}

function visit(signedIn: session.Session): void {
  new Visit(root, signedIn, (note) => {
    session.forget();
    ask(note);
  });
}

function onAws({ robot, pass }: AwsChoice): void {
  const cockpit = new Cockpit({
    robot,
    user: "viewer",
    pass: () => Promise.resolve(pass),
    publish: null,
    clockOffsetMs: () => 0,
  });
  const leave = () => {
    cockpit.leave();
    ask(null);
  };
  document.title = `${robot} · Outpost`;
  root.replaceChildren(bar({ user: "AWS", back: false, leaveText: "Disconnect", leave }), cockpit.element);
}
