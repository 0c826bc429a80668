// Sends with @segment/analytics-node: one message of each kind, then many events.
// Arguments: write key, host, number of events, prefix of their names.
import { Analytics } from "@segment/analytics-node";

const [writeKey, host, count, user] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushInterval: 50, httpRequestTimeout: 20000 });
const errors = [];
analytics.on("error", (error) => errors.push(String(error.reason ?? error.code ?? error)));

const timestamp = new Date("2026-03-01T12:30:15.250Z");
analytics.identify({ userId: user, anonymousId: "a-1", traits: { email: "ann@example.org", name: "Ann" } });
analytics.track({ anonymousId: "a-1", event: "Looked", timestamp });
analytics.page({ userId: user, name: "Start", category: "Docs" });
analytics.screen({ userId: user, name: "Home" });
analytics.group({ userId: user, groupId: "g-1", traits: { name: "Acme" } });
analytics.alias({ userId: user, previousId: "a-2" });
for (let n = 0; n < Number(count); n += 1) {
  analytics.track({ userId: user, event: `Clicked ${n}`, properties: { n } });
}
await analytics.closeAndFlush({ timeout: 90000 });
console.log(JSON.stringify({ errors }));
