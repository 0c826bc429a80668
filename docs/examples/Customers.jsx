// Staff sign in, see customers, make one a VIP, and sign out. `hub` is what connect() of
// hub.js returns, made once: <Customers hub={connect("https://hub.example.com")} />
import { useEffect, useState } from "react";

const LIST = "/api/v1/customers?fields=id,name,customer_type&page_size=20";

export function Customers({ hub }) {
  const [rows, setRows] = useState(null); // null: nobody has signed in
  const [problem, setProblem] = useState("");

  const load = async () => setRows((await hub.call(LIST)).data.results);
  const refused = ({ code, message }) => {
    setProblem(message);
    if (code === "invalid_token") setRows(null); // it has ended: sign in again
  };
  const attempt = (act) => act().then(() => setProblem(""), refused);
  const signIn = (event) => {
    event.preventDefault();
    const who = Object.fromEntries(new FormData(event.target));
    attempt(() => hub.signIn(who).then(load));
  };
  const signOut = () => attempt(() => hub.signOut().then(() => setRows(null)));
  const promote = async (row) => {
    const path = `/api/v1/customers/${row.id}`;
    const { etag } = await hub.call(path); // 412 if somebody changes it meanwhile
    await hub.call(path, { method: "PATCH", body: { customer_type: "vip" }, headers: { "If-Match": etag } });
    await load();
  };
  useEffect(() => void load().catch(() => {}), [hub]); // the cookie may know who was here

  const alert = <p role="alert">{problem}</p>;
  if (rows === null)
    return (
      <form onSubmit={signIn}>
        <input name="username" placeholder="User name" autoComplete="username" />
        <input name="password" type="password" placeholder="Password" autoComplete="current-password" />
        <input name="otp" placeholder="Code of the authenticator" autoComplete="one-time-code" />
        <button>Sign in</button>{alert}
      </form>
    );
  const row = (each) => (
    <li key={each.id}>{each.name}, {each.customer_type} <button onClick={() => attempt(() => promote(each))}>VIP</button></li>
  );
  return <><button onClick={signOut}>Sign out</button>{alert}<ul>{rows.map(row)}</ul></>;
}
