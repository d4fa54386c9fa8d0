// Looks at pages of the window as a person's browser does, in Debian's Chromium. Prints one JSON object a line.
//   look  URL COOKIE   a page at four widths and in both themes, with and without script: what axe finds, what the policy refused, who else was asked, what is wider than the screen
//   watch URL TEXT …   stays on a page, and tells when each text appears without a reload
//   use   URL PASSWORD signs in, pauses the first destination and resumes it, by its buttons
//   open  URL          opens the table of a plot, and tells when the plots are renewed and it is still open
//   shoot URL FILE WIDTH THEME
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const require = createRequire(`${process.env.NODE_PATH}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const tell = (object) => console.log(JSON.stringify(object));
const [what, url, ...rest] = process.argv.slice(2);
const QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic", "--no-sandbox", "--disable-dev-shm-usage"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: QUIET });
const WAIT = 60_000;

async function opened({ width = 1240, theme = "light", script = true, cookie = "" } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme, javaScriptEnabled: script, bypassCSP: false });
  if (cookie) await context.addCookies([{ name: cookie.split("=")[0], value: cookie.split("=")[1], url }]);
  const page = await context.newPage(), faults = [], foreign = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => new URL(request.url()).host !== new URL(url).host && foreign.push(request.url()));
  page.on("requestfailed", (request) => request.failure()?.errorText !== "net::ERR_ABORTED" && faults.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.goto(url, { timeout: WAIT });
  return { page, faults, foreign, context };
}

if (what === "look") {
  for (const width of [320, 390, 768, 1240]) {
    for (const theme of ["light", "dark"]) {
      const { page, faults, foreign, context } = await opened({ width, theme, cookie: rest[0] });
      await page.waitForTimeout(1300); // So that live parts have come at least once.
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      // What axe injects is its own, and not the page's: it goes round the policy.
      const cdp = await context.newCDPSession(page);
      await cdp.send("Runtime.evaluate", { expression: axe });
      const found = await cdp.send("Runtime.evaluate", { expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => JSON.stringify({ passes: r.passes.length, violations: r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).slice(0, 3).join(" ")) }))`, awaitPromise: true, returnByValue: true });
      tell({ width, theme, overflow, background, faults, foreign, ...JSON.parse(found.result.value) });
      await context.close();
    }
  }
  const { page, faults, foreign } = await opened({ script: false, cookie: rest[0] });
  const text = await page.innerText("main");
  tell({ script: false, faults, foreign, text, refresh: await page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() });
} else if (what === "watch") {
  const { page, faults, foreign } = await opened();
  let loads = 0;
  page.on("load", () => loads++);
  tell({ open: await page.title() });
  for (const text of rest) {
    await page.waitForFunction((text) => document.body.innerText.includes(text), text, { timeout: WAIT, polling: 100 });
    tell({ seen: text, title: await page.title(), loads, live: await page.innerText(".live"), faults, foreign });
  }
} else if (what === "use") {
  const { page, faults, foreign } = await opened();
  await page.fill("#password", rest[0]);
  await Promise.all([page.waitForURL((at) => at.pathname === "/", { timeout: WAIT }), page.press("#password", "Enter")]);
  tell({ signed_in: await page.title() });
  for (const [button, state] of [["Pause", "paused"], ["Resume", "following"]]) {
    await page.click(`.flow button:has-text("${button}")`, { timeout: WAIT });
    await page.waitForFunction((state) => [...document.querySelectorAll(".lane:not(.source) .badge")].some((badge) => badge.textContent.includes(state)), state, { timeout: WAIT });
    tell({ done: button, faults, foreign });
  }
  await page.click("text=Sign out");
  await page.waitForURL((at) => at.pathname === "/login", { timeout: WAIT });
  tell({ signed_out: true });
} else if (what === "open") {
  const { page, faults, foreign } = await opened();
  await page.click("figure details summary");
  const before = await page.innerHTML("#plots");
  await page.waitForFunction((before) => document.querySelector("#plots").innerHTML !== before, before, { timeout: WAIT, polling: 100 });
  tell({ open: await page.evaluate(() => document.querySelector("figure details").open), faults, foreign });
} else if (what === "shoot") {
  const { page } = await opened({ width: +rest[1], theme: rest[2], cookie: rest[3] });
  await page.waitForTimeout(1500);
  await page.screenshot({ path: rest[0], fullPage: true });
}
await browser.close();
