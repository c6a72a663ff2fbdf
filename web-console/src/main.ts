// Which page is shown: sign-in, the robots of a ground station, or one channel on AWS.

import "./style/base.css";
import "./style/pages.css";
import "./style/video.css";
import "./style/controls.css";
import "./style/robot-page.css";
import "./style/cards.css";
import { RobotClock } from "./drive/robot-clock";
import type { AwsChoice } from "./page/aws-form";
import { RobotPage } from "./page/robot-page";
import { SessionPage } from "./page/session-page";
import { signIn } from "./page/sign-in";
import { topBar } from "./page/top-bar";
import { keepPage } from "./kept-page";
import * as session from "./station/session";
import { loadLanguage, texts } from "./language";

const root = document.querySelector<HTMLElement>("#app")!;

await loadLanguage();
keepPage();
const stored = session.load(Date.now());
if (stored === null) showSignIn(null);
else showSession(stored);

function showSignIn(note: string | null): void {
  document.title = "Outpost";
  const page = signIn(
    note,
    (login) => {
      // One robot is the usual case: go there at once.
      const [only, ...others] = login.robots;
      if (only !== undefined && others.length === 0) {
        history.replaceState(null, "", `#/${encodeURIComponent(only)}`);
      }
      showSession(session.save(login));
    },
    showAws,
  );
  root.replaceChildren(page);
  root.querySelector("input")?.focus();
}

function showSession(current: session.Session): void {
  new SessionPage(root, current, (note) => {
    session.clear();
    showSignIn(note);
  });
}

function showAws({ robot, credentials }: AwsChoice): void {
  const page = new RobotPage({
    robot,
    user: "viewer",
    credentials: () => Promise.resolve(credentials),
    publish: null,
    clockOffsetMs: () => 0,
    robotClock: new RobotClock(),
  });
  const leave = () => {
    page.close();
    showSignIn(null);
  };
  document.title = `${robot} · Outpost`;
  root.replaceChildren(topBar({ user: "AWS", back: false, leaveText: texts.disconnect, leave }), page.element);
}
