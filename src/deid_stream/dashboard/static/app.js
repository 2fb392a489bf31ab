// Asks the server, keeps five minutes of figures, and shows the section that the address names.

import { element } from './charts.js';
import * as privacy from './privacy.js';
import * as views from './views.js';

const KEPT = 300;
const PARENTS = { call: 'calls', request: 'requests' };
const history = [];
const view = document.getElementById('view');
const state = document.getElementById('state');
let filter = '';
let customer = '';
let seen = '';
let list = [];
let url = null;

async function ask(path, options = {}) {
  const response = await fetch(path, { cache: 'no-store', ...options });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

const json = async (path) => (await ask(path)).json();

function say(text, bad = false) {
  if (state.textContent !== text) state.textContent = text;
  state.className = bad ? 'bad' : '';
}

function section() {
  const [name, ...rest] = location.hash.slice(1).split('/');
  return { name: name || 'overview', id: decodeURIComponent(rest.join('/')) };
}

// Put new content in without moving the focus of whoever is in the middle of it.
function show(content) {
  const active = document.activeElement;
  const id = view.contains(active) ? active.id : '';
  const href = view.contains(active) ? active.getAttribute('href') : '';
  const place = id === 'filter' ? active.selectionStart : null;
  view.replaceChildren(...content.filter((part) => part !== ''));
  const again = id ? document.getElementById(id) : href ? [...view.querySelectorAll('a')].find((a) => a.getAttribute('href') === href) : null;
  if (again) {
    again.focus({ preventScroll: true });
    if (place !== null) again.setSelectionRange(place, place);
  }
}

function showCalls() {
  show(views.calls(list, filter, (text) => { filter = text; showCalls(); }));
}

async function showAggregates() {
  const found = await json(`api/aggregates?customer=${encodeURIComponent(customer)}`);
  const text = JSON.stringify(found);
  // what is the same stays: a list that is open would close under whoever chooses from it
  if (section().name !== 'aggregates' || found.customer_id !== customer || text === seen) return;
  seen = text;
  show(privacy.aggregates(found, (name) => { customer = name; showAggregates(); }));
}

// Ask for what the audit notes; what went wrong is said in `told`.
async function askWithToken(path, told, missing) {
  const token = document.getElementById('token').value;
  if (!token) {
    told.textContent = ' Enter the access token at the foot of the page first.';
    document.getElementById('token').focus();
    return null;
  }
  try {
    return await ask(path, { headers: { Authorization: `Bearer ${token}` } });
  } catch (error) {
    told.textContent = error.message === '401' ? ' The token is not right.' : missing;
    return null;
  }
}

async function look(reference) {
  const response = await askWithToken(`api/request?reference=${encodeURIComponent(reference)}`, document.getElementById('told'), ' The names could not be fetched: the audit or the broker does not answer.');
  const place = document.getElementById('names');
  if (!response || !place) return;
  place.replaceChildren(...privacy.names(await response.json()));
  place.focus();
}

async function listen(id) {
  const heard = document.getElementById('heard');
  const response = await askWithToken(`api/sound?id=${encodeURIComponent(id)}`, heard, ' The sound could not be fetched: it was taken back, or the broker does not answer.');
  if (!response) return;
  try {
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(await response.blob());
    const player = element('audio', { controls: true, src: url, 'aria-label': `Sanitized sound of call ${id}` });
    document.getElementById('player').replaceChildren(player);
    player.focus();
  } catch {
    heard.textContent = ' The sound could not be fetched: it was taken back, or the broker does not answer.';
  }
}

async function refresh() {
  const { name, id } = section();
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.getAttribute('href') === `#${PARENTS[name] || name}`;
    if (current) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  try {
    const now = await json('api/overview');
    history.push(now);
    if (history.length > KEPT) history.shift();
    const t = now.totals;
    say(t.workers ? `${t.ready} of ${t.workers} workers ready` : 'No worker reports', t.ready < t.workers || !t.workers);
    if (section().name !== name) return;
    if (name === 'overview') show(views.overview(now, history));
    else if (name === 'workers') show(views.workers(now));
    else if (name === 'calls') { list = await json('api/calls'); showCalls(); }
    else if (name === 'policies') show(privacy.policies(await json('api/policies'), now));
    else if (name === 'requests') show(privacy.requests(await json('api/requests')));
    else if (name === 'aggregates') await showAggregates();
    else if (name === 'letters') show(views.letters(await json('api/dead-letters')));
    else if (name === 'call' && view.dataset.call !== id) {
      show([element('p', { class: 'none' }, 'Reading the call …')]);
      const found = await json(`api/call?id=${encodeURIComponent(id)}`);
      if (section().id === id) { show(views.call(found, listen)); view.dataset.call = id; }
    }
    else if (name === 'request' && view.dataset.call !== id) {
      const found = (await json('api/requests')).requests.find((one) => one.reference === id);
      if (section().id === id) { show(found ? privacy.request(found, look) : [element('p', { class: 'none' }, 'This request is not known here. Open it from the list of requests.')]); view.dataset.call = id; }
    }
    if (!PARENTS[name]) delete view.dataset.call;
    if (name !== 'aggregates') seen = '';
  } catch (error) {
    if (name === 'call' && error.message === '404') { show([element('p', { class: 'none' }, 'This call is not known here: it has not closed yet, or is older than the newest 2,000.')]); view.dataset.call = id; }
    else say('The dashboard does not answer', true);
  }
}

let busy = false;
async function tick() {
  if (busy || document.hidden) return;
  busy = true;
  try { await refresh(); } finally { busy = false; }
}

addEventListener('hashchange', () => {
  delete view.dataset.call;
  seen = '';
  const { name } = section();
  document.title = `${name[0].toUpperCase()}${name.slice(1)} - deid-stream`;
  refresh().then(() => document.getElementById('main').focus({ preventScroll: true }));
});
document.getElementById('access').addEventListener('submit', (event) => event.preventDefault());
setInterval(tick, 1000);
tick();
