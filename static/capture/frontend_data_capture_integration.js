/*! Holdfast browser capture 1.0. How to use it: docs/browser.md */
(function () {
  'use strict';

  const SURFACE = 'enhancedDataCapture';
  if (window[SURFACE] && window[SURFACE].capturePaymentData) return;

  const WRAPPED = {
    savePaymentToSupabase: 'payment',
    storeQuestionnaireData: 'questionnaire',
    saveDashboardToSupabase: 'dashboard',
  };
  // What may be dropped first when the queue is full; payments go last.
  const RANK = { dashboard: 0, page: 1, event: 1, signup: 3, payment: 4 };
  const FINAL = ['accepted', 'duplicate', 'conflict', 'quarantined'];
  // Names of the envelope. Data of the same name moves to `given`.
  const RESERVED = /^(type|message_id|timestamp|anonymous_id|sent_at|api_key|write_key|gpc|outcome|wrapped|context|given)$/;
  const SECRET = /passw(or)?d|^pwd$|^m?pin$|^cv[vc]2?$|^pan$|card_?number|secret|(access|refresh|id|auth)_?token|^authorization$|private_?key|mnemonic|recovery_?phrase/i;
  const URL_NAME = /token|secret|pass|pwd|auth|key|code|session|sid|sig|mail|phone|mobile|tel$|address|jwt|otp|hash|user|name|nonce|state|ticket|invite|reset/i;
  const TOKEN = /^eyJ|^(?=.*\d)([\w~+=.]{24,}|[\da-f-]{32,})$/i;
  const SCREENSHOT = ['accountScreenshot', 'account_screenshot'];

  const MAX_ITEMS = 200;
  const MAX_BYTES = 1048576;
  const MAX_STORED = 48 * 1024;
  const MAX_BODY = 8e6;
  const MAX_FILE = 5 * 1024 * 1024;
  const MAX_BATCH = 20;
  const MAX_BATCH_BYTES = 500000;
  // Browsers allow 64 KB in flight while a page goes; this leaves room for the rest.
  const MAX_LEAVING = 60000;
  const MAX_AGE = 7 * 864e5;
  const MAX_WAIT = 3e5;
  const LOOK_AFTER = 50;
  const SETTLE_WAIT = 1e4;

  // Taken now: the page may replace them, and must not see calls of ours in its own.
  const nativeFetch = window.fetch;
  const nativeThen = Promise.prototype.then;
  const ORIGINAL = Symbol.for('holdfast.capture.original');
  const NOTHING = { queued: false, id: null };

  const config = {
    key: '', host: '', consent: 'required', dnt: '', retryBase: 1000, timeout: 30000,
  };
  const queue = new Map();
  const aside = new Set();
  const listeners = {};
  const undo = [];
  const pending = new Set();
  const leftWith = new Set();
  const busy = {};
  let me = {};
  let meText = null;
  let chosen = '';
  let limit = MAX_BATCH;
  let room = MAX_LEAVING;
  let fails = 0;
  let notBefore = 0;
  let holdUntil = 0;
  let stopped = null;
  let lastSent = null;
  let timer = 0;
  let timerAt = 0;

  // --- small things

  function quietly(run, otherwise) {
    try {
      return run();
    } catch (error) {
      return otherwise;
    }
  }

  function emit(name, detail) {
    (listeners[name] || []).slice().forEach((listener) => quietly(() => listener(detail)));
  }

  function on(name, listener) {
    const list = (listeners[name] = listeners[name] || []);
    list.push(listener);
    return () => {
      listeners[name] = listeners[name].filter((known) => known !== listener);
    };
  }

  function newId() {
    const crypto = window.crypto || {};
    // Absent on pages without https.
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = new Uint8Array(16);
    if (crypto.getRandomValues) crypto.getRandomValues(bytes);
    else for (let i = 0; i < 16; i++) bytes[i] = Math.random() * 256;
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  const sizeOf = (text) => new TextEncoder().encode(text).length;
  const isObject = (value) => typeof value === 'object' && value !== null;
  const isPlain = (value) => isObject(value) && !Array.isArray(value);
  const isBlank = (value) =>
    value === undefined || value === null || (typeof value === 'string' && !value.trim());
  const isAddress = (value) => typeof value === 'string' && /^[^\s@]+@[^\s@]+$/.test(value);
  const fold = (value) => String(value || '').trim().toLowerCase();
  const snake = (key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();

  // --- storage: every call may throw or be refused

  const stateName = () => 'capture:s:v1:' + config.key.slice(0, 11);
  const queueName = () => 'capture:q:v1:' + config.key.slice(0, 11) + ':';
  const read = (name) => quietly(() => localStorage.getItem(name), null);
  const write = (name, text) => quietly(() => (localStorage.setItem(name, text), true), false);
  const erase = (name) => quietly(() => localStorage.removeItem(name));

  // --- who it is, and what they allowed

  // Read each time: another tab may have signed out, or opted out.
  function state() {
    const text = config.key ? read(stateName()) : null;
    if (text !== null && text !== meText) {
      meText = text;
      me = quietly(() => JSON.parse(text), null) || {};
    }
    return me;
  }

  function save() {
    if (!config.key || (consent() !== 'granted' && me.choice !== 'out')) return;
    const text = JSON.stringify(me);
    if (write(stateName(), text)) meText = text;
  }

  function consent() {
    const choice = state().choice;
    if (choice === 'out' || chosen === 'out') return 'denied';
    if (chosen === 'in' || (choice === 'in' && config.consent !== 'denied')) return 'granted';
    return config.consent;
  }

  const hasGpc = () => navigator.globalPrivacyControl === true;
  const hasDnt = () => navigator.doNotTrack === '1' || window.doNotTrack === '1';

  function isAllowed(type) {
    if (consent() === 'denied') return false;
    const limited = hasGpc() || (config.dnt === 'honour' && hasDnt());
    return !(limited && /^(page|event|dashboard)$/.test(type));
  }

  function anonymousId() {
    if (!state().anonymous_id) {
      me.anonymous_id = newId();
      save();
    }
    return me.anonymous_id;
  }

  // Somebody else at the same computer starts with an anonymous id of their own.
  function adopt(userId, email) {
    const known = state();
    const other = userId && known.user_id
      ? String(userId) !== String(known.user_id)
      : email && known.email && fold(email) !== fold(known.email);
    if (other) forget();
    if (userId) me.user_id = userId;
    if (email) me.email = email;
    save();
  }

  function forget() {
    me = { choice: state().choice, dropped: me.dropped };
    save();
  }

  // --- copying what the page hands over

  // Copies into plain JSON at the moment of the call. Bounded, so that a page never
  // waits; whatever cannot be read becomes a note instead of an exception.
  function snapshot(input, files) {
    let left = 5000;
    const above = [];

    function children(source, into) {
      Object.keys(source).forEach((key) => {
        if (left <= 0) return;
        let value = quietly(() => copy(source[key], key), '[unreadable]');
        if (SECRET.test(key) && !isBlank(value)) value = '[redacted]';
        if (value !== undefined) into[key] = value;
      });
      return into;
    }

    function inside(value, key, tag) {
      if (typeof value.toJSON === 'function') return copy(value.toJSON(key), key);
      if (tag === 'Map' || tag === 'FormData' || tag === 'URLSearchParams') {
        const entries = Object.create(null);
        value.forEach((entry, name) => { entries[String(name)] = entry; });
        return children(entries, Object.create(null));
      }
      const list = tag === 'Set' ? Array.from(value) : value;
      if (Array.isArray(list)) {
        const out = [];
        for (let i = 0; i < list.length && left > 0; i++) {
          const entry = quietly(() => copy(list[i], key), '[unreadable]');
          out.push(entry === undefined ? null : entry);
        }
        return out;
      }
      if (value instanceof Error) return { name: value.name, message: value.message };
      return children(value, Object.create(null));
    }

    function copy(value, key) {
      left -= 1;
      const kind = typeof value;
      if (kind === 'bigint') return String(value);
      if (kind === 'number') return isFinite(value) ? value : null;
      if (kind === 'function' || kind === 'symbol') return undefined;
      if (!isObject(value)) return value;
      if (above.includes(value)) return '[circular]';
      if (above.length > 20) return '[deep]';
      const tag = Object.prototype.toString.call(value).slice(8, -1);
      if (tag === 'Date') return isNaN(value) ? null : Date.prototype.toISOString.call(value);
      if (tag === 'File' || tag === 'Blob') {
        files.push({ key: key, file: value });
        return { name: value.name, size: value.size, type: value.type };
      }
      if (tag === 'Window' || value instanceof Node) return '[' + tag + ']';
      if (ArrayBuffer.isView(value) || tag === 'ArrayBuffer') return '[binary]';
      above.push(value);
      try {
        return inside(value, key, tag);
      } finally {
        above.pop();
      }
    }

    const copied = quietly(() => copy(input, ''), '[unreadable]');
    if (left <= 0 && isPlain(copied)) copied.truncated = true;
    return copied;
  }

  // Turns the arguments of a call into the data of one item.
  function gather(type, given) {
    const files = [];
    const isFile = given.map((value) => quietly(() => value instanceof Blob, false));
    const args = given.map((value) => snapshot(value, files));
    const data = Object.create(null);
    const rest = [];
    let flat = args.map((value) =>
      Array.isArray(value) && value.length === 1 && isPlain(value[0]) ? value[0] : value);
    const isState = (value) => isPlain(value) && /"(dashboard_?data|trading_?state)":/i.test(
      Object.keys(value).map((key) => '"' + key + '":').join());
    if (type === 'dashboard' && !flat.some(isState)) {
      if (isAddress(flat[0])) data.user_email = flat.shift();
      ['dashboardData', 'tradingState', 'theme'].forEach((name, index) => {
        if (!isBlank(flat[index])) data[name] = flat[index];
      });
      flat = flat.slice(3);
    }
    flat.forEach((value, index) => {
      if (isPlain(value) && !isFile[index]) {
        Object.keys(value).forEach((key) => {
          if (!(key in data)) data[key] = value[key];
        });
      } else if (isAddress(value) && !('user_email' in data)) data.user_email = value;
      else if (!isBlank(value) && !isFile[index]) rest.push(value);
    });
    if (rest.length) data.arguments = rest;
    return { data: data, files: files };
  }

  // --- addresses of pages

  function isPersonal(text) {
    const value = quietly(() => decodeURIComponent(text), text);
    return /@/.test(value) || TOKEN.test(value);
  }

  function cleanUrl(text) {
    return quietly(() => {
      const url = new URL(text, location.href);
      url.username = url.password = url.hash = '';
      Array.from(url.searchParams.keys()).forEach((key) => {
        const values = url.searchParams.getAll(key);
        const phone = (value) => /^\+?[\d\s().-]{7,}$/.test(value);
        if (URL_NAME.test(key) || isPersonal(key) || values.some(isPersonal) || values.some(phone)) {
          url.searchParams.delete(key);
        }
      });
      url.pathname = url.pathname.split('/').map((part) => (isPersonal(part) ? '-' : part)).join('/');
      return url.href;
    }, '');
  }

  function cleanProperties(value) {
    if (typeof value === 'string') return /^https?:\/\//i.test(value) ? cleanUrl(value) : value;
    if (isObject(value)) Object.keys(value).forEach((key) => { value[key] = cleanProperties(value[key]); });
    return value;
  }

  // --- making an item

  const PROMISED = { EMAIL: ['user_email', 'email', 'userEmail'], USER: ['user_id', 'userId'] };

  function take(item, names) {
    names.forEach((name) => { if (isBlank(item[name])) delete item[name]; });
    return names.map((name) => item[name]).find((value) => value !== undefined);
  }

  // The envelope around the data. `byPage` is true when the page called us, and may
  // therefore choose the id and the time itself.
  function build(type, data, extra, byPage) {
    const item = { type: type, message_id: newId(), timestamp: new Date().toISOString() };
    const given = {};
    Object.keys(data).forEach((key) => {
      const name = snake(key);
      const value = data[key];
      if (byPage && name === 'message_id' && /^[!-?A-~]{1,128}$/.test(value || '')) item.message_id = String(value);
      else if (byPage && name === 'timestamp' && !isBlank(value)) item.timestamp = value;
      else if (RESERVED.test(name)) given[key] = value;
      else item[key] = value;
    });
    if (Object.keys(given).length) item.given = given;
    [item.dashboardData, item.tradingState].filter(isPlain).forEach((part) => {
      if (!take(item, PROMISED.EMAIL)) item.user_email = take(Object.assign({}, part), PROMISED.EMAIL);
      if (!take(item, PROMISED.USER)) item.user_id = take(Object.assign({}, part), PROMISED.USER);
    });
    Object.assign(item, extra);
    identifyItem(item);
    if (hasGpc()) {
      item.gpc = true;
      delete item.marketingConsent;
      if ('marketing_consent' in item || /^(signup|profile)$/.test(type)) item.marketing_consent = false;
    }
    return item;
  }

  function identifyItem(item) {
    const email = take(item, PROMISED.EMAIL);
    const userId = take(item, PROMISED.USER);
    const isSelf = /^(signup|profile)$/.test(item.type) || (item.type === 'login' && item.success !== false);
    const isFirst = /^(payment|questionnaire)$/.test(item.type) && !state().email && !me.user_id;
    if (isSelf || isFirst) adopt(userId, isAddress(email) ? email : undefined);
    const known = state();
    // Never two people in one item: the hub would have to refuse it.
    if (!email && known.email && (!userId || String(userId) === String(known.user_id))) item.email = known.email;
    if (!userId && known.user_id && (!email || fold(email) === fold(known.email))) item.user_id = known.user_id;
    item.anonymous_id = anonymousId();
  }

  function capture(type, data, files, extra, byPage) {
    if (!isAllowed(type)) return NOTHING;
    const item = build(type, data, extra, byPage);
    const found = type === 'questionnaire' && files.find((entry) =>
      entry.file.size <= MAX_FILE && /^image\/(png|jpeg|webp)$/.test(entry.file.type));
    if (!found) return enqueue(item);
    const key = SCREENSHOT[1] in item ? SCREENSHOT[1] : SCREENSHOT[0];
    return readFile(found.file).then((url) => {
      if (found.key !== key) delete item[found.key];
      item[key] = url;
      item.screenshotFilename = item.screenshotFilename || found.file.name;
      item.screenshotSize = item.screenshotSize || found.file.size;
      item.screenshotType = item.screenshotType || found.file.type;
    }).catch(() => {
      item.screenshot_omitted = true;
    }).then(() => (isAllowed(type) ? enqueue(item) : NOTHING));
  }

  function readFile(file) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = reject;
      reader.readAsDataURL(file);
    });
  }

  // Whatever happens in here, the page gets a promise that is kept.
  function safely(run) {
    return Promise.resolve(quietly(run, NOTHING)).catch(() => NOTHING);
  }

  // --- the queue

  function enqueue(item, force) {
    sync();
    const text = JSON.stringify(item);
    const entry = {
      id: item.message_id, type: item.type, at: Date.now(), text: text, size: sizeOf(text), force: force,
      isBig: SCREENSHOT.some((key) => typeof item[key] === 'string'),
    };
    entry.isBig = entry.isBig || entry.size > MAX_STORED;
    if (queue.has(entry.id)) return { queued: true, id: entry.id };
    queue.set(entry.id, entry);
    if (entry.size > MAX_BODY) lose(entry, 'too large');
    persist(entry);
    trim();
    const waiting = Array.from(queue.values()).filter(isReady).length;
    const now = entry.isBig || force || RANK[entry.type] > 2 || waiting >= MAX_BATCH;
    wake(now ? 0 : 1000);
    const queued = queue.has(entry.id);
    if (queued) {
      note(item, 'queued');
      emit('queued', { id: entry.id, type: entry.type });
    }
    tellGpc();
    return { queued: queued, id: entry.id };
  }

  // Once for each person: their browser says no to marketing.
  function tellGpc() {
    if (!hasGpc() || state().gpc || (!me.email && !me.user_id)) return;
    me.gpc = true;
    save();
    enqueue(build('consent', {}, { marketing_consent: false }));
  }

  function persist(entry) {
    if (entry.isBig || entry.force || !queue.has(entry.id) || !config.key || consent() !== 'granted') return;
    entry.isStored = write(queueName() + entry.id, entry.at + ' ' + entry.text);
  }

  function remove(id) {
    queue.delete(id);
    aside.delete(id);
    if (config.key) erase(queueName() + id);
  }

  function lose(entry, reason) {
    remove(entry.id);
    state().dropped = (me.dropped || 0) + 1;
    save();
    emit('dropped', { id: entry.id, type: entry.type, reason: reason });
  }

  const rank = (entry) => (entry.type in RANK ? RANK[entry.type] : 2);

  function trim() {
    [false, true].forEach((isBig) => {
      const list = Array.from(queue.values()).filter((entry) => entry.isBig === isBig)
        .sort((a, b) => rank(a) - rank(b) || a.at - b.at);
      let bytes = list.reduce((sum, entry) => sum + entry.size, 0);
      while (list.length > (isBig ? 5 : MAX_ITEMS) || bytes > (isBig ? 3 * MAX_BODY : MAX_BYTES)) {
        const entry = list.shift();
        bytes -= entry.size;
        lose(entry, 'queue full');
      }
    });
  }

  // Brings memory and storage together: other tabs add to it and deliver from it.
  function sync() {
    const now = Date.now();
    if (config.key && consent() === 'granted') {
      const start = queueName();
      const names = quietly(() => Object.keys(localStorage).filter((name) => name.startsWith(start)), null);
      // The page emptied the storage itself: nothing was delivered by that.
      const isCleared = names !== null && !names.length && meText !== null && read(stateName()) === null;
      queue.forEach((entry) => {
        if (!entry.isStored || !names || read(start + entry.id) !== null) return;
        if (isCleared) persist(entry);
        else queue.delete(entry.id);
      });
      if (isCleared) save();
      (names || []).forEach((name) => {
        const id = name.slice(start.length);
        if (!queue.has(id)) adoptStored(id, read(name) || '');
      });
    }
    const isDenied = consent() === 'denied';
    queue.forEach((entry) => {
      if (isDenied && !entry.force) remove(entry.id);
      else if (now - entry.at > MAX_AGE) lose(entry, 'expired');
    });
  }

  function adoptStored(id, value) {
    const cut = value.indexOf(' ');
    const text = value.slice(cut + 1);
    const item = quietly(() => JSON.parse(text), null);
    if (!item || item.message_id !== id) return erase(queueName() + id);
    queue.set(id, {
      id: id, type: item.type, at: Number(value.slice(0, cut)) || Date.now(), text: text,
      size: sizeOf(text), isBig: false, isStored: true,
    });
  }

  // --- sending

  const isSending = () => config.key && config.host && nativeFetch && !stopped;
  const isReady = (entry) => !aside.has(entry.id) && (entry.force || consent() === 'granted');

  function wake(delay) {
    const at = Math.max(Date.now() + delay, notBefore);
    if (timer && timerAt <= at) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(() => {
      timer = 0;
      [false, true].forEach((isBig) => quietly(() => drain(isBig)));
    }, Math.max(0, at - Date.now()));
  }

  function pick(isBig) {
    const list = Array.from(queue.values()).filter((entry) => entry.isBig === isBig && isReady(entry))
      .sort((a, b) => a.at - b.at).slice(0, isBig ? 1 : limit);
    let bytes = 0;
    return list.filter((entry, index) => (bytes += entry.size) <= MAX_BATCH_BYTES || !index);
  }

  // Two lanes, so that a slow upload of a screenshot holds up nothing else. Only what is
  // in storage is shared with other tabs and needs the lock.
  function drain(isBig) {
    if (!isSending()) return Promise.resolve();
    if (busy[isBig]) return busy[isBig];
    const run = async () => {
      for (;;) {
        sync();
        const batch = pick(isBig);
        if (!batch.length || !isSending()) return;
        if (Date.now() < notBefore || !settle(batch, await post(batch))) return wake(0);
      }
    };
    const done = () => { busy[isBig] = null; };
    if (!pick(isBig).length) return Promise.resolve();
    busy[isBig] = (isBig ? run() : locked(run)).then(done, done);
    return busy[isBig];
  }

  function locked(run) {
    let ran = false;
    const once = () => ((ran = true), run());
    const asked = quietly(() => navigator.locks.request('capture:' + config.key, once), null);
    // A sandboxed frame has locks and refuses them.
    return asked ? Promise.resolve(asked).catch(() => ran || once()) : once();
  }

  function bodyOf(batch) {
    const context = { dropped: state().dropped || 0, library: { name: 'holdfast-browser', version: '1.0' } };
    if (hasDnt()) context.dnt = true;
    const head = JSON.stringify({ api_key: config.key, sent_at: new Date().toISOString(), context: context });
    return head.slice(0, -1) + ',"captures":[' + batch.map((entry) => entry.text).join() + ']}';
  }

  const address = () => config.host + '/api/v1/captures/batch';

  // A string goes out as text/plain, which needs no preflight.
  const request = (body, more) => nativeFetch.call(window, address(), Object.assign({
    method: 'POST', body: body, credentials: 'omit', redirect: 'error',
    referrerPolicy: 'strict-origin',
  }, more));

  async function post(batch) {
    const answer = { status: 0, dropped: state().dropped || 0 };
    const abort = window.AbortController ? new AbortController() : {};
    const clock = setTimeout(() => abort.abort && abort.abort(), config.timeout * (batch[0].isBig ? 4 : 1));
    try {
      const response = await request(bodyOf(batch), { signal: abort.signal });
      answer.status = response.status;
      answer.wait = waitOf(response.headers.get('Retry-After'));
      if (response.status === 200) answer.results = (await response.json()).results;
    } catch (error) {
      answer.error = String(error && error.message);
    }
    clearTimeout(clock);
    return answer;
  }

  function waitOf(header) {
    const seconds = /^\s*\d+\s*$/.test(header || '') ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
    return seconds > 0 ? Math.min(seconds * 1000, 864e5) : 0;
  }

  // Returns whether there is reason to go on at once.
  function settle(batch, answer) {
    if (answer.status === 413) return divide(batch);
    if ([400, 401, 403].includes(answer.status)) return stop('HTTP ' + answer.status);
    let settled = 0;
    if (answer.status === 200 && Array.isArray(answer.results)) {
      answer.results.filter(isPlain).forEach((result) => {
        const entry = batch[result.index];
        if (entry && entry.id === result.message_id && FINAL.includes(result.status)) {
          settled += 1;
          remove(entry.id);
          note(JSON.parse(entry.text), result.status);
          emit('sent', { id: entry.id, type: entry.type, status: result.status });
        }
      });
    }
    if (settled) {
      fails = 0;
      lastSent = new Date().toISOString();
      state().dropped = Math.max(0, (me.dropped || 0) - answer.dropped);
      save();
    }
    return settled === batch.length || back(answer);
  }

  function back(answer) {
    const most = Math.min(MAX_WAIT, config.retryBase * Math.pow(2, ++fails));
    const jitter = config.retryBase + Math.random() * (most - config.retryBase);
    holdUntil = answer.wait ? Date.now() + answer.wait : 0;
    notBefore = Math.max(Date.now() + jitter, holdUntil);
    emit('retry', { status: answer.status, error: answer.error, at: new Date(notBefore).toISOString() });
    return false;
  }

  function divide(batch) {
    if (batch.length > 1) {
      limit = Math.ceil(batch.length / 2);
      return true;
    }
    limit = MAX_BATCH;
    const entry = batch[0];
    const item = JSON.parse(entry.text);
    // The answers are worth more than the picture that was too large for the hub.
    if (SCREENSHOT.some((key) => typeof item[key] === 'string')) {
      SCREENSHOT.forEach((key) => delete item[key]);
      item.screenshot_omitted = true;
      entry.text = JSON.stringify(item);
      entry.size = sizeOf(entry.text);
      entry.isBig = entry.size > MAX_STORED;
      persist(entry);
      wake(0);
    } else {
      aside.add(entry.id);
      emit('aside', { id: entry.id, type: entry.type });
    }
    return true;
  }

  function stop(reason) {
    if (stopped) return false;
    stopped = reason;
    quietly(() => console.warn(
      SURFACE + ': ' + reason + '. Captures are kept and tried again after a reload.'));
    emit('stopped', { reason: reason });
    return false;
  }

  // What has been captured of this person, for status().
  function note(item, status) {
    if (item.anonymous_id !== state().anonymous_id) return;
    me.captured = me.captured || {};
    const value = /accepted|duplicate/.test(status) ? 'sent' : status;
    if (me.captured[item.type] !== 'sent' && me.captured[item.type] !== value) {
      me.captured[item.type] = value;
      save();
    }
    emit('status', status);
  }

  // --- leaving the page

  // Nobody hears the answer, so the items stay and go out again next time.
  function leave() {
    if (!isSending() || Date.now() < holdUntil) return;
    const isPayment = (entry) => entry.type === 'payment';
    const batch = [];
    let free = room - sizeOf(bodyOf([]));
    Array.from(queue.values())
      .filter((entry) => !entry.isBig && isReady(entry) && !leftWith.has(entry.id))
      .sort((a, b) => isPayment(b) - isPayment(a) || b.at - a.at)
      .forEach((entry) => {
        if (entry.size + 1 > free) return;
        free -= entry.size + 1;
        batch.push(entry);
        leftWith.add(entry.id);
      });
    if (!batch.length) return;
    room = free;
    const body = bodyOf(batch);
    const beacon = () => quietly(() => navigator.sendBeacon(address(), body));
    if (!window.Request || !('keepalive' in Request.prototype)) beacon();
    else quietly(() => request(body, { keepalive: true }).catch(() => {}));
  }

  function arrive() {
    room = MAX_LEAVING;
    leftWith.clear();
    tryNow();
  }

  // A wait that the hub asked for is kept; one of our own is not.
  function tryNow() {
    if (Date.now() >= holdUntil) {
      notBefore = 0;
      fails = 0;
    }
    wake(0);
  }

  // --- wrapping functions of the page

  const within = {};

  function wrapFunction(original, name, type) {
    if (typeof original !== 'function' || original[ORIGINAL]) return original;
    let isActive = true;
    // A proxy keeps name, length, properties and `new` as they are, also later ones.
    const wrapped = new Proxy(original, {
      get(target, key) {
        if (key === ORIGINAL) return target;
        const value = target[key];
        if (key === 'toString' && value === Function.prototype.toString) return value.bind(target);
        return value;
      },
      apply(target, self, args) {
        // A function of the page that calls another wrapped one is one save, not two.
        if (!isActive || within[name]) return Reflect.apply(target, self, args);
        within[name] = true;
        const call = quietly(() => begin(type, name, args));
        let result;
        let returned = false;
        // No catch: throwing again would change where the error is reported.
        try {
          result = Reflect.apply(target, self, args);
          returned = true;
        } finally {
          within[name] = false;
          if (call) quietly(() => observe(call, returned, result));
        }
        return result;
      },
    });
    undo.push(() => { isActive = false; });
    return wrapped;
  }

  function begin(type, name, args) {
    if (!isAllowed(type)) return null;
    const taken = gather(type, Array.from(args));
    const extra = { wrapped: name, timestamp: new Date().toISOString() };
    let isDone = false;
    const call = (outcome) => {
      if (isDone) return;
      isDone = true;
      pending.delete(call);
      if (outcome) extra.outcome = outcome;
      if (type === 'event') Object.assign(extra, { name: name, properties: taken.data });
      safely(() => capture(type, type === 'event' ? {} : taken.data, taken.files, extra));
    };
    pending.add(call);
    return call;
  }

  const outcomeOf = (value) => (quietly(() => isObject(value) && value.error, false) ? 'error' : 'ok');

  // A little later: to look at a promise is to handle its rejection, and the browser
  // shall have reported one that the page does not handle.
  function observe(call, returned, result) {
    setTimeout(() => {
      if (!returned) return call('threw');
      const isThenable = quietly(() => isObject(result) && typeof result.then === 'function', false);
      if (!isThenable) return call(outcomeOf(result));
      // Throws for anything but a real promise. Others may start their work when
      // `then` is called, so nobody calls it here.
      if (!quietly(() => nativeThen.call(result, (value) => call(outcomeOf(value)), () => call('threw')))) {
        return call();
      }
      setTimeout(call, SETTLE_WAIT);
    }, LOOK_AFTER);
  }

  // Functions that are there now, or are assigned later.
  function hook(name) {
    const type = WRAPPED[name];
    const found = Object.getOwnPropertyDescriptor(window, name);
    if (found && !found.writable) return;
    if (found && !found.configurable) return refresh(name);
    let value = found && found.value;
    let shown = wrapFunction(value, name, type);
    const get = () => shown;
    const define = (enumerable) => Object.defineProperty(window, name, {
      configurable: true, enumerable: enumerable, get: get,
      set(next) {
        value = next;
        shown = quietly(() => wrapFunction(next, name, type), next);
        define(true);
      },
    });
    define(Boolean(found && found.enumerable));
    undo.push(() => {
      if ((Object.getOwnPropertyDescriptor(window, name) || {}).get !== get) return;
      delete window[name];
      if (value !== undefined) window[name] = value;
    });
  }

  // A function declaration replaces the accessor without a call; it is found here.
  function refresh(name) {
    const found = Object.getOwnPropertyDescriptor(window, name);
    const value = found && found.value;
    if (typeof value !== 'function' || value[ORIGINAL] || !found.writable) return;
    const wrapped = wrapFunction(value, name, WRAPPED[name]);
    window[name] = wrapped;
    undo.push(() => { if (window[name] === wrapped) window[name] = value; });
  }

  function look() {
    if (isHooked) Object.keys(WRAPPED).forEach((name) => quietly(() => refresh(name)));
  }

  let isHooked = true;

  function wrap(target, name, type) {
    return quietly(() => {
      const kind = type || WRAPPED[name] || 'event';
      if (typeof target === 'function') return wrapFunction(target, name, kind);
      const original = target[name];
      const wrapped = wrapFunction(original, name, kind);
      if (wrapped === original) return target;
      const found = Object.getOwnPropertyDescriptor(target, name);
      target[name] = wrapped;
      undo.push(() => {
        if (target[name] !== wrapped) return;
        if (found) target[name] = original;
        else delete target[name];
      });
      return target;
    }, target);
  }

  function unwrap() {
    isHooked = false;
    while (undo.length) quietly(undo.pop());
  }

  // --- what the page may call

  function manual(type) {
    return function () {
      return safely(() => {
        const taken = gather(type, Array.from(arguments));
        return capture(type, taken.data, taken.files, undefined, true);
      });
    };
  }

  function identify(user, traits) {
    return safely(() => {
      const taken = gather('profile', isObject(user) ? [user] : [traits]);
      if (!isObject(user) && !isBlank(user)) taken.data[isAddress(user) ? 'email' : 'user_id'] = user;
      return capture('profile', taken.data, [], undefined, true);
    });
  }

  function track(name, properties) {
    return safely(() => capture('event', {}, [], {
      name: isBlank(name) ? undefined : String(name), properties: cleanProperties(snapshot(properties || {}, [])),
    }));
  }

  function page(name, properties) {
    return safely(() => {
      const url = cleanUrl(location.href);
      const about = {
        url: url, title: document.title.replace(/[^\s@]+@[^\s@]+/g, '[address]'),
        referrer: document.referrer ? cleanUrl(document.referrer) : '', path: new URL(url).pathname,
      };
      const more = cleanProperties(snapshot(properties || {}, []));
      return capture('page', {}, [], {
        name: isBlank(name) ? undefined : String(name), properties: Object.assign(about, more),
      });
    });
  }

  function answered(run) {
    return safely(() => Promise.resolve(run()).then(() => ({ queued: queue.size > 0, id: null })));
  }

  function reset() {
    return answered(forget);
  }

  function flush() {
    return answered(() => {
      tryNow();
      return Promise.all([drain(false), drain(true)]);
    });
  }

  function optIn() {
    return answered(() => {
      chosen = 'in';
      state().choice = 'in';
      save();
      queue.forEach(persist);
      wake(0);
      emit('consent', 'granted');
    });
  }

  // The queue and the ids go. If the hub knows this person, it is told of the refusal.
  function optOut() {
    return answered(() => {
      const isKnown = consent() === 'granted' && state().anonymous_id;
      const last = isKnown && build('consent', {}, { marketing_consent: false });
      sync();
      pending.clear();
      chosen = 'out';
      me = { choice: 'out' };
      save();
      sync();
      if (last) enqueue(last, true);
      emit('consent', 'denied');
    });
  }

  function status() {
    return quietly(() => {
      sync();
      const captured = Object.assign({ signup: null, payment: null, questionnaire: null }, state().captured);
      return {
        consent: consent(), optedOut: hasOptedOut(), gpc: hasGpc(), dnt: hasDnt(),
        queued: queue.size, setAside: aside.size, dropped: me.dropped || 0, stopped: stopped,
        retryAt: notBefore > Date.now() ? new Date(notBefore).toISOString() : null,
        lastSent: lastSent, captured: captured,
        complete: ['signup', 'payment', 'questionnaire'].every((type) => captured[type] === 'sent'),
      };
    }, {});
  }

  function hasOptedOut() {
    return state().choice === 'out' || chosen === 'out';
  }

  function init(options) {
    return answered(() => {
      const given = options || {};
      if (given.key && !config.key) config.key = String(given.key);
      if (given.host) config.host = quietly(() => new URL(given.host, location.href).href.replace(/\/+$/, ''), '');
      if (given.consent) config.consent = /^(granted|denied)$/.test(given.consent) ? given.consent : 'required';
      if (given.consent === 'denied') chosen = '';
      ['dnt', 'retryBase', 'timeout'].forEach((name) => {
        if (given[name]) config[name] = name === 'dnt' ? given[name] : Number(given[name]) || config[name];
      });
      queue.forEach((entry) => { if (!entry.isStored) persist(entry); });
      sync();
      if (queue.size) wake(0);
    });
  }

  window[SURFACE] = {
    init: init,
    capturePaymentData: manual('payment'),
    captureQuestionnaireData: manual('questionnaire'),
    captureDashboardData: manual('dashboard'),
    captureSignupData: manual('signup'),
    captureLogin: manual('login'),
    identify: identify, track: track, page: page, reset: reset, flush: flush,
    optIn: optIn, optOut: optOut, hasOptedOut: hasOptedOut, status: status, on: on,
    wrap: wrap, unwrap: unwrap,
  };

  // --- start

  quietly(() => {
    const script = document.currentScript;
    const data = script ? script.dataset : {};
    init({
      key: data.key, host: data.host || (script && script.src && new URL(script.src).origin),
      consent: data.consent, dnt: data.dnt, retryBase: data.retryBase, timeout: data.timeout,
    });
    Object.keys(WRAPPED).forEach((name) => quietly(() => hook(name)));
    const watcher = new MutationObserver(look);
    watcher.observe(document, { childList: true, subtree: true });
    const listen = (target, names, run) => names.split(' ').forEach((name) =>
      target.addEventListener(name, (event) => quietly(() => run(event)), true));
    listen(document, 'load DOMContentLoaded', look);
    listen(window, 'click submit', look);
    listen(window, 'load', () => {
      look();
      watcher.disconnect();
    });
    listen(window, 'online', tryNow);
    listen(window, 'pageshow', arrive);
    listen(window, 'pagehide', () => {
      pending.forEach((call) => call());
      leave();
    });
    listen(document, 'visibilitychange', () => (document.hidden ? leave() : arrive()));
    // A policy of the page forbids the hub; trying again would only fill its reports.
    listen(document, 'securitypolicyviolation', (event) => {
      if (/connect-src|default-src/.test(event.violatedDirective) && config.host &&
          event.blockedURI.indexOf(new URL(config.host).origin) === 0) stop('blocked by connect-src');
    });
  });
})();
