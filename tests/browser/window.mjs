// Looks at pages of the window as a person's browser does, in Debian's Chromium. Prints one JSON object a line.
//   look  URL COOKIE   a page at four widths and in both themes, with and without script: what axe finds, what the policy refused, who else was asked, what is wider than the screen
//   watch URL TEXT …   stays on a page, and tells when each text appears without a reload
//   use   URL PASSWORD signs in, pauses the first destination and resumes it, by its buttons
//   edit  URL PASSWORD FOLDER SOURCE COPY  signs in, and makes a replication by the forms, which have no script: from an empty folder to one that runs; each page as for `look`
//   open  URL          opens the table of a plot, and tells when the plots are renewed and it is still open
//   shoot URL FILE WIDTH THEME
// With SHOTS=DIR `edit` puts a picture of each page there.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
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

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// What axe injects is its own, and not the page's: it goes round the policy.
async function examined(page, context) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Runtime.evaluate", { expression: axe });
  const found = await cdp.send("Runtime.evaluate", { expression: `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then((r) => JSON.stringify({ passes: r.passes.length, violations: r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).slice(0, 3).join(" ")) }))`, awaitPromise: true, returnByValue: true });
  await cdp.detach();
  return { overflow, background, ...JSON.parse(found.result.value) };
}

if (what === "look") {
  for (const width of [320, 390, 768, 1240]) {
    for (const theme of ["light", "dark"]) {
      const { page, faults, foreign, context } = await opened({ width, theme, cookie: rest[0] });
      await page.waitForTimeout(1300); // So that live parts have come at least once.
      tell({ width, theme, faults, foreign, ...(await examined(page, context)) });
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
} else if (what === "edit") {
  const [password, folder, source, copy] = rest;
  const { page, faults, foreign, context } = await opened();
  const stop = async (step) => {
    // An answer that refuses a form is none of the page's faults.
    const own = faults.filter((fault) => !/status of 4(09|22)/.test(fault));
    for (const width of [320, 390, 768, 1240]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      for (const theme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: theme });
        const found = width === 320 || width === 1240 ? await examined(page, context) : { overflow };
        tell({ step, width, theme, faults: own, foreign, ...found });
      }
    }
    if (process.env.SHOTS) {
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme });
          await page.screenshot({ path: `${process.env.SHOTS}/${step}-${width}-${colorScheme}.png`, fullPage: true });
        }
      }
    }
    tell({ step, scripts: await page.locator("script").count(), text: await page.innerText("main") });
  };
  const press = async (name) => {
    await Promise.all([page.waitForNavigation({ timeout: WAIT }), page.getByRole("button", { name, exact: true }).click()]);
  };
  const follow = async (name) => {
    await Promise.all([page.waitForNavigation({ timeout: WAIT }), page.getByRole("link", { name, exact: true }).click()]);
  };
  await page.fill("#password", password);
  await Promise.all([page.waitForURL((at) => at.pathname === "/", { timeout: WAIT }), page.press("#password", "Enter")]);
  // This one renews itself: it is looked at elsewhere.
  await follow("Make the first one");
  await stop("files");
  await page.fill("#name", "orders");
  await press("Begin");
  await stop("source");
  await page.fill('[name="source.url"]', source.replace(/dbname=\w+/, "dbname=nowhere"));
  await press("Try");
  await stop("source-wrong");
  await page.fill('[name="source.url"]', source);
  await press("Try");
  await stop("source-tried");
  await press("Go on to the table");
  await stop("table");
  await page.getByLabel("public.events").check();
  await press("Go on to the destinations");
  await stop("destinations-none");
  await press("Add a destination");
  await press("Go on and look at it");
  await stop("destination-empty");
  await page.fill('[name="destinations[0].name"]', "reporting");
  await page.fill('[name="destinations[0].url"]', copy);
  await press("Try destination 1");
  await stop("destination-tried");
  await press("Show what makes the table of destination 1");
  await stop("destination-script");
  await press("Run this script at destination 1");
  await stop("destination-made");
  await press("Go on and look at it");
  await press("Dry run");
  await stop("look");
  await press("Save and reload");
  await stop("done");
  await page.goto(new URL("/edit/files/orders.toml/table", url).href);
  await page.locator("details summary").first().click();
  await page.fill('[name="source.poll_interval_ms"]', "0");
  await press("Apply");
  await stop("table-wrong");
  await page.fill('[name="source.poll_interval_ms"]', "500");
  await press("Apply");
  const file = `${folder}/orders.toml`;
  writeFileSync(file, readFileSync(file, "utf8").replace("[source]\n", "[source]\n# by hand\n").replace("\n\n[[dest", "\npoll_interval_ms = 700\n\n[[dest"));
  await page.goto(new URL("/edit/files/orders.toml/look", url).href);
  await stop("look-newer");
  await press("Save");
  await stop("compare");
  await press("Drop my changes and begin again");
  await page.goto(new URL("/edit", url).href);
  await stop("files-newer");
  tell({ done: true });
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
