// Privacy requests, policies and aggregates, from the JSON of /api.

import { columns, element, number } from './charts.js';
import { cell, table, tile, time } from './views.js';

const plain = (name) => name.replaceAll('_', ' ');
const when = (ms) => (ms ? time(ms) : '');

function deadline(request) {
  if (!request.due_ms) return cell('');
  return request.overdue ? cell(`${time(request.due_ms)}, overdue`, 'bad') : cell(time(request.due_ms));
}

function state(request) {
  const unknown = request.unknown ? `, ${request.unknown} unknown when asked` : '';
  return plain(request.state) + (request.reason ? ` (${plain(request.reason)})` : '') + unknown;
}

export function requests(found) {
  const t = found.totals;
  return [
    element('h2', {}, 'Rights requests'),
    element('dl', { class: 'tiles' },
      tile('Open', number(t.open)), tile('Overdue', number(t.overdue), '', t.overdue ? 'bad' : ''),
      tile('Kept waiting by a hold', number(t.held)), tile('Legal holds in force', number(t.holds))),
    element('p', { class: 'key' }, 'Open requests come first, the nearest deadline on top. Open a request and give the access token to see whom it is about.'),
    table(found.known > found.requests.length ? `${found.requests.length} of ${number(found.known)} requests` : `${found.known} ${found.known === 1 ? 'request' : 'requests'}`,
      [['Request'], ['Scope'], ['State'], ['Asked'], ['Deadline'], ['Ended'], ['Calls', 'number'], ['Records taken back', 'number']],
      found.requests.map((request) => element('tr', {},
        cell(element('a', { href: `#request/${request.reference}`, 'aria-label': `${plain(request.kind)}, ${plain(request.state)}, asked ${when(request.asked_ms)}` }, plain(request.kind))),
        cell(request.scope), cell(state(request)), cell(when(request.asked_ms)), deadline(request), cell(when(request.finished_ms)),
        cell(number(request.calls), 'number'), cell(number(request.records), 'number'))),
      'No request has been made, or the dashboard’s Kafka user may not read privacy.status.'),
  ];
}

export function request(found, look) {
  return [
    element('p', {}, element('a', { href: '#requests' }, 'All requests')),
    element('h2', {}, `Request: ${plain(found.kind)}`),
    element('dl', { class: 'tiles' },
      tile('State', plain(found.state), [plain(found.reason), found.unknown ? `${found.unknown} unknown when asked` : ''].filter(Boolean).join(', '), found.overdue ? 'bad' : ''), tile('Scope', found.scope),
      tile('Asked', when(found.asked_ms)), tile('Deadline', when(found.due_ms) || '–', found.overdue ? 'overdue' : ''),
      tile('Ended', when(found.finished_ms) || '–'), tile('Records taken back', number(found.records), `of ${number(found.calls)} calls`)),
    element('h3', {}, 'Whom it is about'),
    element('div', { id: 'names', tabindex: '-1' },
      element('p', {}, element('button', { type: 'button', id: 'look', onclick: () => look(found.reference) }, 'Show the names'),
        element('span', { id: 'told', role: 'status' }, ' Needs the access token. Each look is written to the audit.'))),
  ];
}

const LABELS = {
  request_id: 'Request id', customer_id: 'Customer', call_id: 'Call', subject: 'Person (pseudonym)', target: 'Request that it ends',
  requested_by: 'Asked by', verified_by: 'Identity checked by', released_by: 'Released by',
};

export function names(found) {
  const holds = found.holds.map((hold) => element('tr', {}, cell(hold.request_id), cell(hold.requested_by), cell(time(hold.asked_ms))));
  return [
    element('dl', { class: 'facts' }, Object.entries(found.names).map(([name, value]) => element('div', {}, element('dt', {}, LABELS[name]), element('dd', {}, value)))),
    element('h3', {}, 'Legal holds on this customer that may cover it'),
    found.policy_hold ? element('p', {}, 'The customer’s policy says legal_hold.') : '',
    table('Who put them on, and when', [['Request id'], ['By'], ['Since']], holds, found.policy_hold ? 'No request holds it.' : 'No hold is in force.'),
    element('h3', {}, 'Audit'),
    table(`${found.history.length} entries`, [['Action'], ['What'], ['At'], ['Counts']],
      found.history.map((line) => element('tr', {}, cell(line.action), cell(plain(line.reason)), cell(time(line.time_ms)),
        cell(Object.entries(line.counts || {}).map(([name, count]) => `${name} ${count}`).join(', ')))), 'The audit entries that the dashboard has read do not name this request.'),
  ].filter((part) => part !== '');
}

const REASONS = {
  unknown_policy: 'there is no policy', unreadable_policy: 'the last record of the policy cannot be read', stale_policy: 'the last record has a lower version than one before it',
  opt_out: 'opted out', not_in_effect: 'not in effect yet', region: 'the policy is for another region', minor: 'a minor', stale_policies: 'the policy topic has not answered for 60 s',
};

function training(policy) {
  if (policy.training) return 'yes';
  return `no: ${REASONS[policy.reason] || plain(policy.reason)}${policy.training_from ? `; from ${policy.training_from} on` : ''}`;
}

function doubt(policy) {
  if (policy.status === 'in_force') return cell('in force');
  return cell(`a later record is ${policy.status}${policy.error ? `: ${policy.error}` : ''}`, 'bad');
}

export function policies(list, now) {
  const silent = now.workers.filter((worker) => worker.alive && !worker.policies_fresh).length;
  return [
    element('h2', {}, 'Policies, as the workers see them'),
    silent ? element('p', { class: 'bad' }, `${silent} of ${now.totals.workers} workers have had no answer from the policy topic: they offer nothing for training until it answers, whatever this table says.`) : '',
    table(`${list.length} ${list.length === 1 ? 'customer' : 'customers'}`, [['Customer'], ['Version'], ['Status'], ['Analytics'], ['Training'], ['Legal hold']],
      list.map((policy) => element('tr', {}, cell(policy.customer_id), cell(policy.version), doubt(policy), cell(policy.analytics ? 'yes' : 'no'),
        cell(training(policy)), cell(policy.legal_hold ? 'yes' : 'no'))),
      'No customer has a policy, so nothing goes to training.'),
  ];
}

const told = (value) => (value === null ? element('span', { class: 'hidden' }, 'hidden') : number(value));
const share = (value) => (value === null ? told(value) : `${Math.round(100 * value)} %`);

function kinds(values) {
  const shown = Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${number(value)}`);
  const hidden = Object.keys(values).filter((name) => values[name] === null);
  return [shown.join(', '), shown.length && hidden.length ? '; ' : '', hidden.length ? element('span', { class: 'hidden' }, `hidden: ${hidden.join(', ')}`) : ''];
}

export function aggregates(found, choose) {
  const windows = found.windows;
  const last = windows[windows.length - 1];
  const options = [['', 'All customers'], ...found.customers.map((name) => [name, name])];
  const select = element('select', { id: 'customer' }, options.map(([value, text]) => element('option', { value, selected: value === found.customer_id }, text)));
  select.addEventListener('change', () => choose(select.value));
  const rule = last ? `Numbers of fewer than ${last.threshold} calls are hidden, and so are as many others as it takes to keep anybody from computing them from a sum.${last.epsilon === null ? '' : ` The others have Laplace noise of epsilon ${last.epsilon} added.`}` : '';
  return [
    element('h2', {}, 'Aggregates'),
    element('p', {}, element('label', { for: 'customer' }, 'Closed calls of: '), select),
    rule ? element('p', { class: 'key' }, rule) : '',
    windows.length ? columns('Calls by window', windows.map((row) => ({ from_ms: row.window_start_ms, to_ms: row.window_start_ms + row.window_ms, value: row.calls })), time) : '',
    table(`${windows.length} ${windows.length === 1 ? 'window' : 'windows'}, the newest first`,
      [['From'], ['Calls', 'number'], ['Minutes', 'number'], ['Withheld', 'number'], ['Without training', 'number'], ['Values taken out']],
      [...windows].reverse().map((row) => element('tr', {}, cell(time(row.window_start_ms)), cell(told(row.calls), 'number'), cell(told(row.minutes), 'number'),
        cell(told(row.withheld), 'number'), cell(share(row.opt_out_share), 'number'), element('td', {}, ...kinds(row.values)))),
      'No window is over yet, or no control plane publishes deid.aggregates.'),
  ];
}
