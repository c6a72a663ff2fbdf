// A gamepad: left stick and cross drive, the east button (B, circle) stops.
//
// Gamepads raise no events of their own, so they are read at every frame while there is one. What
// is read may be nobody's hand: a throttle lever rests at its end, so does a stick until its first
// report, and of a pad out of Bluetooth's reach the last values stand for up to 20 s. `timestamp`
// tells too little: Windows and macOS renew it at every look, Linux only when something moves,
// which a hand that holds still does not. What a hand cannot do is to hold a stick so still that no
// axis changes. Therefore a gamepad drives
// - with the standard mapping, or after somebody asked for it;
// - once its stick and cross have been at rest, which `input` sees to;
// - while some value changes every few seconds. A cross held for longer has to be let go.

import type { DriveController } from "./controller";

const SOURCE = "gamepad";

/** Places in the standard mapping of the W3C Gamepad specification. */
const EAST = 1;
const CROSS = { up: 12, down: 13, left: 14, right: 15 } as const;

/** As long as a driver may be silent before the robot is anybody's. */
const STILL_MS = 3_000;

/** What of a Gamepad is read. */
export interface GamepadState {
  id: string;
  connected: boolean;
  mapping: string;
  timestamp: number;
  axes: readonly number[];
  buttons: readonly { pressed: boolean; value: number }[];
}

/** What the page says of it: there is none; is it one at all?; let go of it once; it drives. */
export type GamepadStatus = { is: "none" } | { is: "unknown"; id: string } | { is: "to-center" } | { is: "ready" };

/** x to the right, y up. The cross counts as a stick at its edge. */
export function readGamepad({ axes, buttons }: Pick<GamepadState, "axes" | "buttons">): { x: number; y: number; stop: boolean } {
  const pressed = (button: number) => Number(buttons[button]?.pressed ?? false);
  const crossX = pressed(CROSS.right) - pressed(CROSS.left);
  const crossY = pressed(CROSS.up) - pressed(CROSS.down);
  const onCross = crossX !== 0 || crossY !== 0;
  return {
    x: onCross ? crossX : (axes[0] ?? 0),
    // The specification counts down as positive; 0 - y, as -0 is nobody's friend.
    y: onCross ? crossY : 0 - (axes[1] ?? 0),
    stop: pressed(EAST) === 1,
  };
}

/** Whether what a gamepad says can be a hand's. Pure. */
export class HandWatch {
  #values = "";
  #timestamp = -1;
  #changedAt = -Infinity;

  /** Looks at what it says at `now`; false once that has not changed for too long. */
  alive({ axes, buttons, timestamp }: GamepadState, now: number): boolean {
    const values = JSON.stringify([axes, buttons.map(({ pressed, value }) => [pressed, value])]);
    // Values that change without a new report are no report.
    if (values !== this.#values && timestamp !== this.#timestamp) {
      this.#values = values;
      this.#timestamp = timestamp;
      this.#changedAt = now;
    }
    return values === this.#values && now - this.#changedAt <= STILL_MS;
  }
}

/** Reads for as long as there is one, until `until` is aborted. */
export class GamepadReader {
  readonly #controller: DriveController;
  readonly #until: AbortSignal;
  readonly #show: (status: GamepadStatus) => void;
  /** Ids of those that somebody asked for. */
  readonly #asked = new Set<string>();
  #reading = false;
  #read: { id: string; hand: HandWatch; stop: boolean } | null = null;

  constructor(controller: DriveController, until: AbortSignal, show: (status: GamepadStatus) => void) {
    this.#controller = controller;
    this.#until = until;
    this.#show = show;
    addEventListener("gamepadconnected", () => this.#start(), { signal: until });
    if (gamepads().length > 0) this.#start();
  }

  /** Lets one drive though the browser does not know it. */
  use(id: string): void {
    this.#asked.add(id);
  }

  #start(): void {
    if (this.#reading) return;
    this.#reading = true;
    requestAnimationFrame(() => this.#frame());
  }

  #frame(): void {
    const all = this.#until.aborted ? [] : gamepads();
    const gamepad = all.find(({ mapping, id }) => mapping === "standard" || this.#asked.has(id));
    this.#reading = all.length > 0;
    this.#show(status(all[0], gamepad && this.#drive(gamepad)));
    if (gamepad === undefined) this.#rest();
    if (this.#reading) requestAnimationFrame(() => this.#frame());
  }

  #rest(): void {
    this.#controller.bar(SOURCE);
    this.#read = null;
  }

  /** True once it drives whenever its stick or cross is moved. */
  #drive(gamepad: GamepadState): boolean {
    if (this.#read?.id !== gamepad.id) {
      this.#rest();
      // A button that is pressed from the start is nobody's stop.
      this.#read = { id: gamepad.id, hand: new HandWatch(), stop: true };
    }
    const { x, y, stop } = readGamepad(gamepad);
    if (stop && !this.#read!.stop) this.#controller.halt();
    this.#read!.stop = stop;
    // A page without focus gets no gamepad.
    const alive = this.#read!.hand.alive(gamepad, performance.now()) && document.hasFocus();
    if (!alive) this.#controller.bar(SOURCE);
    this.#controller.setAxes(SOURCE, x, y);
    return !this.#controller.isBarred(SOURCE);
  }
}

function status(first: GamepadState | undefined, drives: boolean | undefined): GamepadStatus {
  if (first === undefined) return { is: "none" };
  if (drives === undefined) return { is: "unknown", id: first.id };
  return { is: drives ? "ready" : "to-center" };
}

/** What the browser knows of; nothing where the API is missing, as in Firefox without HTTPS. */
function gamepads(): Gamepad[] {
  try {
    return navigator.getGamepads().filter((gamepad) => gamepad?.connected === true) as Gamepad[];
  } catch {
    return [];
  }
}
