// List, create and change customers with types made of openapi.json.
// npx openapi-typescript docs/openapi.json --output schema.d.ts
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
type Media = "application/json" | "application/problem+json";
const hub = createClient<paths, Media>({ baseUrl: url, headers });

const list = await hub.GET("/api/v1/customers", {
  params: { query: { page_size: 5, ordering: ["-created_at"] } },
});
if (list.error) throw new Error(list.error.message);
const references: string[] = list.data.results.map((one) => one.unique_id);

const made = await hub.POST("/api/v1/customers", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { name: "Ida Lund", customer_type: "walk_in" },
});
if (made.error) throw new Error(made.error.message);

const changed = await hub.PATCH("/api/v1/customers/{customer}", {
  params: {
    path: { customer: made.data.id },
    header: { "If-Match": made.response.headers.get("ETag") ?? "" },
  },
  body: { customer_type: "regular" },
});
if (changed.error) throw new Error(changed.error.message);
const { id, name, rev, customer_type } = changed.data;
console.log(JSON.stringify({ references, id, name, rev, customer_type }));
