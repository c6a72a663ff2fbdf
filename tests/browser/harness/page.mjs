// Pages of a real browser, and the way into ours.

/** A page in a context of its own, and what goes wrong in its scripts. */
export async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  return { context, page, errors };
}

export async function signIn(page, url, user, password) {
  await page.goto(url);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Waits until the page lets its robot be driven. */
export function mayDrive(page) {
  return page.locator('.controls[data-locked="false"]').waitFor();
}

/** For a robot that shows no picture, or not yet. */
export async function driveWithoutPicture(page) {
  await page.getByRole("button", { name: "Drive without picture" }).click();
  await mayDrive(page);
}

/** Waits until the page says so of who drives. */
export function driver(page, text) {
  return page.locator(".driver", { hasText: text }).waitFor();
}

/** A metric of the robot page by its name. */
export function figure(page, name) {
  return page.locator("dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd").textContent();
}
