// Drives the stand-in with Microsoft's own client, which knows nothing of Kalends, and prints what it got as JSON.
// usage: node drive.cjs NODE_MODULES BASE_URL TOKEN
const [modules, baseUrl, token] = process.argv.slice(2);
const { Client, PageIterator } = require(`${modules}/@microsoft/microsoft-graph-client`);
const TAG = "String {8e4c7a16-0f7d-4b0e-9f0b-6b616c656e64} Name kalends";

// The client sends tokens to https addresses only and follows no other links, so it is left to believe that it talks to
// Graph itself: addresses are exchanged on the way out and back.
const GRAPH = "https://graph.microsoft.com";
const network = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const reply = await network(String(url).replace(GRAPH, baseUrl), options);
  const text = (await reply.text()).replaceAll(baseUrl, GRAPH);
  return new Response(text || null, { status: reply.status, headers: reply.headers });
};
const client = Client.init({ authProvider: (done) => done(null, token) });
const ask = (path) => client.api(path).header("Prefer", 'IdType="ImmutableId"');
const at = (day, hour) => ({ dateTime: `2026-11-${day}T${String(hour).padStart(2, "0")}:00:00`, timeZone: "Romance Standard Time" });
const refusal = (work) => work.then(() => null, (error) => ({ status: error.statusCode, code: error.code }));

async function everything(path, query) {
  const found = [];
  const page = await ask(path).query(query).get();
  const walk = new PageIterator(client, page, (item) => { found.push(item); return true; });
  await walk.iterate();
  return { found, link: walk.getDeltaLink() };
}

async function main() {
  const calendars = (await ask("/me/calendars").select("id,name,canEdit").get()).value;
  const events = [];
  for (const hour of [9, 11, 13]) {
    events.push(await ask("/me/events").post({
      subject: `At ${hour}`, start: at(24, hour), end: at(24, hour + 1), transactionId: `t-${hour}`,
      body: { contentType: "text", content: "A\nB" }, singleValueExtendedProperties: [{ id: TAG, value: String(hour) }],
    }));
  }
  const window = { startDateTime: "2026-11-01T00:00:00Z", endDateTime: "2026-12-01T00:00:00Z" };
  const view = await everything("/me/calendarView", { ...window, $top: "2" });
  const round = await everything("/me/calendarView/delta()", window);
  const moved = await ask(`/me/events/${events[0].id}`).header("If-Match", events[0]["@odata.etag"]).patch({ start: at(25, 9), end: at(25, 10) });
  const stale = await refusal(ask(`/me/events/${events[0].id}`).header("If-Match", events[0]["@odata.etag"]).patch({ subject: "x" }));
  await ask(`/me/events/${events[1].id}`).delete();
  const gone = await refusal(ask(`/me/events/${events[1].id}`).get());
  const next = await ask(round.link).get();
  const tagged = await ask("/me/events")
    .filter(`singleValueExtendedProperties/Any(ep: ep/id eq '${TAG}' and ep/value eq '13')`)
    .expand(`singleValueExtendedProperties($filter=id eq '${TAG}')`).get();
  console.log(JSON.stringify({
    calendars: calendars.map(({ name, canEdit }) => [name, canEdit]),
    view: view.found.map(({ subject }) => subject),
    round: round.found.length,
    moved: moved.start,
    stale, gone,
    next: next.value.map((item) => (item["@removed"] ? "removed" : item.subject)),
    tagged: tagged.value.map((item) => [item.subject, item.singleValueExtendedProperties[0].value]),
  }));
}
main().catch((error) => { console.error(error); process.exit(1); });
