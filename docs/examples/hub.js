// The staff API from a page: sign in, call, sign out. docs/sign-in.md explains both ways.
// connect("https://hub.example.com"): a page elsewhere, both tokens stay in memory.
// connect(): a page of the hub's own origin, the refresh token is in a cookie.
export function connect(hub = "") {
  const inCookie = hub === "";
  let access, refresh, renewing;
  let ends = 0;

  async function send(path, { method = "GET", body, headers } = {}) {
    const json = body && { "Content-Type": "application/json" };
    const init = { method, headers: { ...json, ...headers }, body: body && JSON.stringify(body) };
    const response = await fetch(hub + path, init);
    const data = response.status === 204 ? null : await response.json();
    if (!response.ok) throw data; // a problem document: code, message, errors
    return { data, etag: response.headers.get("ETag") };
  }

  async function auth(name, body) {
    const headers = {};
    if (inCookie) headers["X-CSRFToken"] = (await send("/api/v1/auth/csrf")).data.csrf_token;
    const { data } = await send(`/api/v1/auth/${name}`, { method: "POST", body, headers });
    ({ access, refresh } = data);
    ends = data.access ? Date.now() + (data.expires_in - 30) * 1000 : 0;
  }

  // A refresh token works once, so only one call of one tab may use it.
  const renew = () =>
    (renewing ??= navigator.locks
      .request("holdfast", () => auth("refresh", inCookie ? { cookie: true } : { refresh }))
      .finally(() => (renewing = undefined)));

  return {
    signIn: (who) => auth("token", inCookie ? { ...who, cookie: true } : who),
    async signInWithPasskey() {
      const begin = { method: "POST", body: {} };
      const { data } = await send("/api/v1/auth/token/passkey/begin", begin);
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(data.options);
      const credential = (await navigator.credentials.get({ publicKey })).toJSON();
      const answer = { ceremony: data.ceremony, credential };
      await auth("token/passkey", inCookie ? { ...answer, cookie: true } : answer);
    },
    signOut: () => auth("revoke", inCookie ? { cookie: true } : { token: refresh }),
    async call(path, options = {}) {
      if (!inCookie && !refresh) throw new Error("Sign in first.");
      if (Date.now() >= ends) await renew();
      const headers = { ...options.headers, Authorization: `Bearer ${access}` };
      const answer = await send(path, { ...options, headers });
      if (!access) throw { code: "signed_out", message: "" }; // meanwhile: show nothing of it
      return answer;
    },
  };
}
