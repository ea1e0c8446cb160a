// Reads iCalendar text from standard input with ical.js (Thunderbird's parser) or node-ical and prints JSON.
// node read_ics.cjs <folder of node_modules> ical.js|node-ical
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [modules, parser] = process.argv.slice(2);
const text = fs.readFileSync(0, "utf8");
const seconds = (date) => date.getTime() / 1000;

async function withIcalJs() {
  const { default: ICAL } = await import(pathToFileURL(path.join(modules, "ical.js", "dist", "ical.js")).href);
  const calendar = new ICAL.Component(ICAL.parse(text));
  for (const component of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(component);
  }
  return calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    return {
      uid: event.uid,
      start: event.startDate.toUnixTime(),
      end: event.endDate.toUnixTime(),
      summary: event.summary,
      location: event.location || "",
      description: event.description || "",
    };
  });
}

function withNodeIcal() {
  const calendar = require(path.join(modules, "node-ical")).sync.parseICS(text);
  return Object.values(calendar)
    .filter((item) => item.type === "VEVENT")
    .map((event) => ({
      uid: event.uid,
      start: seconds(event.start),
      end: seconds(event.end),
      summary: event.summary,
      location: event.location || "",
      description: event.description || "",
    }));
}

(async () => {
  const events = parser === "ical.js" ? await withIcalJs() : withNodeIcal();
  process.stdout.write(JSON.stringify({ valid: true, errors: [], events }));
})();
