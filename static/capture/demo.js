/* The demo shop. Knows nothing of capturing but the status panel at the end. */
'use strict';

// Its words stand in the page, with places like {name} for what is filled in.
const words = { ...document.currentScript.dataset };
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const shop = {};
const form = (id) => document.getElementById(id);
const values = (element) => Object.fromEntries(new FormData(element));
const tell = (element, text) => { element.querySelector('.row output').textContent = text; };

// --- the shop's own code ------------------------------------------------------------

const pause = (result) => new Promise((done) => setTimeout(done, 300, result));

async function savePaymentToSupabase(payment) {
  await pause();
  if (shop.outcome === 'error') return { data: null, error: { code: '409', message: 'duplicate key' } };
  if (shop.outcome === 'reject') throw new Error('no connection');
  return { data: [payment], error: null };
}

function storeQuestionnaireData(answers) {
  return pause({ data: [answers], error: null });
}

function saveDashboardToSupabase(dashboardData, tradingState, theme) {
  return pause({ data: [{ dashboardData, tradingState, theme }], error: null });
}

const save = savePaymentToSupabase;
window.savePaymentToSupabase = function savePaymentToSupabase(payment) {
  if (shop.outcome === 'throw') throw new Error('not ready');
  return save(payment);
};

function submitted(id, act) {
  form(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      tell(form(id), await act(values(form(id))));
    } catch (error) {
      tell(form(id), fill(words.failed, { error: error.message }));
    }
  });
}

submitted('signup', async (data) => {
  shop.person = { user_email: data.email, user_name: data.name };
  if (window.enhancedDataCapture) {
    enhancedDataCapture.captureSignupData({
      ...data, marketing_consent: 'marketing_consent' in data, signup_source: 'demo page',
    });
  }
  return fill(words.welcome, { name: data.name });
});

function price() {
  const field = form('payment').elements;
  const full = Number(field.plan_name_payment.selectedOptions[0].dataset.price);
  const off = field.coupon_code.value.trim().toUpperCase() === 'NOV20' ? full * 0.2 : 0;
  return { original_price: full, discount_amount: off, final_price: full - off };
}

function who() {
  const field = form('signup').elements;
  return shop.person || { user_email: field.email.value, user_name: field.name.value };
}

submitted('payment', async ({ outcome, ...data }) => {
  shop.outcome = outcome;
  const result = await window.savePaymentToSupabase({
    ...who(), ...data, ...price(), currency: 'EUR', payment_status: 'completed',
    payment_processor: 'Demo', transaction_id: `DEMO-${Date.now()}`,
  });
  return result.error ? fill(words.declined, { error: result.error.message }) : words.paid;
});

form('payment').addEventListener('input', () => {
  document.getElementById('price').textContent = price().final_price.toFixed(2);
});

submitted('questionnaire', async ({ accountScreenshot, ...data }) => {
  const answers = {
    ...who(), ...data, cryptoAssets: ['BTC/USD'], forexAssets: ['EUR/USD'], customForexPairs: [],
    hasAccount: 'yes', accountSize: Number(data.accountSize), riskPercentage: Number(data.riskPercentage),
  };
  if (accountScreenshot && accountScreenshot.size) answers.accountScreenshot = accountScreenshot;
  await storeQuestionnaireData(answers);
  return words.answered;
});

async function saveDashboard() {
  const { equity, rate, trades, theme } = values(form('dashboard'));
  const [total, percent, count] = [equity, rate, trades].map(Number);
  const won = Math.round((count * percent) / 100);
  await saveDashboardToSupabase(
    {
      ...who(), account: { balance: total, equity: total },
      performance: { totalPnl: total - 100000, winRate: percent, totalTrades: count },
    },
    {
      initialEquity: 100000, currentEquity: total,
      performanceMetrics: { totalPnl: total - 100000, winRate: percent, totalTrades: count,
        winningTrades: won, losingTrades: count - won },
      riskSettings: { riskPerTrade: 0.5, dailyLossLimit: 2, consecutiveLossesLimit: 4 },
    },
    theme,
  );
  return words.saved;
}

function showValues() {
  for (const output of form('dashboard').querySelectorAll('.value')) {
    output.textContent = document.getElementById(output.htmlFor.value).value;
  }
}

submitted('dashboard', saveDashboard);
form('dashboard').addEventListener('input', showValues);
form('dashboard').addEventListener('change', async () => tell(form('dashboard'), await saveDashboard()));
showValues();

// --- the status of capturing ----------------------------------------------------------

const PARTS = {
  signup: words.partSignup, payment: words.partPayment,
  questionnaire: words.partQuestionnaire, dashboard: words.partDashboard,
};
const STATES = {
  queued: words.stateQueued, sent: words.stateSent, quarantined: words.stateQuarantined,
  conflict: words.stateConflict,
};

function element(name, text, state) {
  const made = document.createElement(name);
  made.textContent = text;
  if (state) made.dataset.state = state;
  return made;
}

function summary(status) {
  if (status.optedOut) return words.nowOptedOut;
  if (status.stopped) return fill(words.nowStopped, { reason: status.stopped });
  if (status.retryAt) return words.nowAway;
  if (status.queued) return fill(words.nowSending, { n: status.queued });
  if (Object.values(status.captured).some((state) => state === 'quarantined' || state === 'conflict')) {
    return words.nowAside;
  }
  if (status.complete) return words.nowComplete;
  return status.lastSent ? words.nowAll : words.nowFirst;
}

function show() {
  const status = enhancedDataCapture.status();
  const text = summary(status);
  const place = document.getElementById('summary');
  // Said again only when it changes: screen readers read each change aloud.
  if (place.textContent !== text) place.textContent = text;
  document.getElementById('parts').replaceChildren(...Object.entries(PARTS).map(([part, name]) => {
    const state = status.captured[part] || 'none';
    const item = element('li', name, state);
    item.append(element('span', STATES[state] || words.stateNone));
    return item;
  }));
  const facts = [
    [words.factWaiting, status.queued], [words.factDropped, status.dropped],
    [words.factAside, status.setAside], [words.factConsent, status.consent],
    [words.factLastSent, status.lastSent ? new Date(status.lastSent).toLocaleTimeString() : words.never],
  ];
  document.getElementById('facts').replaceChildren(...facts.flatMap(
    ([name, value]) => [element('dt', name), element('dd', String(value))]));
}

function write(text) {
  const log = document.getElementById('log');
  log.prepend(element('li', `${new Date().toLocaleTimeString()}  ${text}`));
  while (log.children.length > 12) log.lastChild.remove();
}

if (window.enhancedDataCapture) {
  const texts = {
    queued: (item) => fill(words.logQueued, item),
    sent: (item) => `${item.type} ${item.status}`,
    dropped: (item) => fill(words.logDropped, item),
    retry: (about) => fill(words.logRetry, {
      status: about.status || words.logNetwork, time: new Date(about.at).toLocaleTimeString(),
    }),
    stopped: (about) => fill(words.logStopped, about),
    consent: (value) => fill(words.logConsent, { value }),
    aside: (item) => fill(words.logAside, item),
  };
  for (const [name, text] of Object.entries(texts)) {
    enhancedDataCapture.on(name, (detail) => { write(text(detail)); show(); });
  }
  for (const button of document.querySelectorAll('[data-do]')) {
    button.addEventListener('click', async () => {
      await enhancedDataCapture[button.dataset.do]();
      if (button.dataset.do === 'reset') { shop.person = null; write(words.logOut); }
      show();
    });
  }
  setInterval(show, 1000);
  show();
}
