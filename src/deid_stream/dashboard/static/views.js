// What each section shows, from the JSON of /api.

import { bars, bytes, delay, duration, element, lines, number, waveform } from './charts.js';

export const time = (ms) => new Date(ms).toLocaleString('en-GB', { hour12: false });

export function tile(name, value, small = '', state = '') {
  return element('div', {}, element('dt', {}, name), element('dd', { class: state }, value, small ? element('small', {}, ` ${small}`) : ''));
}

export function table(caption, heads, rows, none) {
  if (!rows.length) return element('p', { class: 'none' }, none);
  return element('div', { class: 'scroll' }, element('table', { class: 'list' },
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, heads.map(([head, kind]) => element('th', { scope: 'col', class: kind || '' }, head)))),
    element('tbody', {}, rows)));
}

export const cell = (value, kind = '') => element('td', { class: kind }, value);

export function overview(now, history) {
  const t = now.totals;
  const lag = Object.values(now.lag).flatMap((kinds) => Object.values(kinds)).reduce((sum, n) => sum + n, 0);
  const letters = Object.values(now.dead_letters).reduce((sum, n) => sum + n, 0);
  const withheld = Object.values(now.withheld).reduce((sum, n) => sum + n, 0);
  const held = t.held_bytes_limit ? Math.round((100 * t.held_bytes) / t.held_bytes_limit) : 0;
  const byPartition = Object.fromEntries(Object.entries(now.lag).map(([partition, kinds]) =>
    [`partition ${partition}`, Object.values(kinds).reduce((sum, n) => sum + n, 0)]));
  const c = now.customers;
  return [
    element('h2', {}, 'Overview'),
    element('dl', { class: 'tiles' },
      tile('Workers ready', `${t.ready} of ${t.workers}`, '', t.workers && t.ready === t.workers ? 'good' : 'bad'),
      tile('Live calls', number(t.calls)),
      tile('Records in', number(t.in_per_s), 'per s'),
      tile('Records out', number(t.out_per_s), 'per s'),
      tile('Text delay, p50', delay(t.text_delay_ms.p50), `p99 ${delay(t.text_delay_ms.p99)}`),
      tile('Audio delay, p50', delay(t.audio_delay_ms.p50), `p99 ${delay(t.audio_delay_ms.p99)}`),
      tile('Backlog', number(lag), 'records'),
      tile('Held audio', bytes(t.held_bytes), `${held} % of limit`, held > 80 ? 'bad' : ''),
      tile('Stuck partitions', number(t.stuck_partitions), '', t.stuck_partitions ? 'bad' : ''),
      tile('Quarantined calls', number(t.quarantined), '', t.quarantined ? 'bad' : ''),
      tile('Withheld', number(withheld)),
      tile('Dead letters', number(letters), '', letters ? 'bad' : ''),
      tile('Customers', number(c.all), `${c.without_training} without training`),
      tile('Policies unreadable or stale', number(c.doubtful), '', c.doubtful ? 'bad' : ''),
      tile('Rights requests open', number(now.requests.open), now.requests.overdue ? `${number(now.requests.overdue)} overdue` : '', now.requests.overdue ? 'bad' : '')),
    element('div', { class: 'grid' },
      lines('Records per second', history.map((h) => ({ time_ms: h.time_ms, a: h.totals.in_per_s, b: h.totals.out_per_s })), number, ['in', 'out']),
      lines('Audio: from the record to its sanitized one', history.map((h) => ({ time_ms: h.time_ms, a: h.totals.audio_delay_ms.p50, b: h.totals.audio_delay_ms.p99 })), delay, ['p50', 'p99']),
      lines('Text: from the record to its sanitized one', history.map((h) => ({ time_ms: h.time_ms, a: h.totals.text_delay_ms.p50, b: h.totals.text_delay_ms.p99 })), delay, ['p50', 'p99']),
      bars('Backlog by partition, in records', byPartition, 'No backlog: every record that has come was worked on.'),
      bars('Values taken out of text', now.redactions, 'No value yet.'),
      bars('Withheld, by reason', now.withheld, 'Nothing was withheld.'),
      bars('Records not offered for training', now.training_withheld, 'Every record was offered.'),
      bars('Dead letters, by code', now.dead_letters, 'Every record could be read.')),
  ];
}

export function calls(list, filter, onfilter) {
  const wanted = filter.toLowerCase();
  const shown = list.filter((call) => `${call.call_id} ${call.customer_id}`.toLowerCase().includes(wanted)).slice(0, 200);
  const input = element('input', { id: 'filter', type: 'search', value: filter, oninput: (event) => onfilter(event.target.value) });
  return [
    element('h2', {}, 'Calls'),
    element('p', {}, element('label', { for: 'filter' }, 'Find by call or customer: '), input),
    table(`${shown.length} of ${list.length} calls that closed, the newest first`,
      [['Call'], ['Customer'], ['Ended'], ['Length', 'number'], ['Segments', 'number'], ['Values', 'number'], ['Silenced', 'number'], ['State']],
      shown.map((call) => element('tr', {},
        cell(element('a', { href: `#call/${encodeURIComponent(call.call_id)}` }, call.call_id)), cell(call.customer_id), cell(time(call.time_ms)),
        cell(duration(call.duration_ms), 'number'), cell(number(call.segments), 'number'),
        cell(number(Object.values(call.redactions).reduce((sum, n) => sum + n, 0)), 'number'),
        cell(duration(Object.values(call.redacted_audio_ms).reduce((sum, n) => sum + n, 0)), 'number'),
        cell([call.complete ? 'complete' : 'incomplete', call.withheld ? ', partly withheld' : ''].join('')))),
      'No call has closed yet.'),
  ];
}

// Sanitized text with its entities marked; their offsets count code points.
function said(segment) {
  const points = Array.from(segment.text);
  const parts = [];
  let at = 0;
  for (const entity of [...segment.entities].sort((a, b) => a.start - b.start)) {
    if (entity.start < at) continue;
    parts.push(points.slice(at, entity.start).join(''));
    parts.push(element('mark', { title: `${entity.entity_type}, found by ${entity.detector}` }, points.slice(entity.start, entity.end).join('')));
    at = entity.end;
  }
  parts.push(points.slice(at).join(''));
  return element('span', {}, parts);
}

export function call(found, listen) {
  const summary = found.call;
  const silenced = found.audit.filter((line) => line.action === 'silenced' && line.end_ms !== undefined);
  const other = found.audit.filter((line) => line.action !== 'silenced');
  const button = element('button', { type: 'button', id: 'listen', onclick: () => listen(summary.call_id) }, 'Load the sanitized sound');
  const total = found.waveform.duration_ms;
  const waves = Object.entries(found.waveform.channels).map(([channel, peaks]) => element('div', {},
    element('h3', {}, `Channel ${channel}`),
    waveform(`channel ${channel}`, peaks, total, silenced.filter((line) => line.channel === Number(channel)))));
  const permits = found.transcript.filter((segment) => segment.permit).length;
  return [
    element('p', {}, element('a', { href: '#calls' }, 'All calls')),
    element('h2', {}, `Call ${summary.call_id}`),
    element('dl', { class: 'tiles' },
      tile('Customer', summary.customer_id), tile('Length', duration(summary.duration_ms)),
      tile('State', summary.complete ? 'complete' : 'incomplete', summary.withheld ? 'partly withheld' : ''),
      tile('Policy version', summary.policy_version),
      tile('Training', found.training === null ? 'not readable here' : found.training ? `${found.training} segments` : 'nothing'),
      tile('Values in text', number(Object.values(summary.redactions).reduce((sum, n) => sum + n, 0)))),
    element('h3', {}, 'Sound'),
    waves.length ? element('div', { class: 'panel' }, waves, element('p', { class: 'key' }, `Shaded stretches are silenced. The call is ${duration(total)} long.`)) : element('p', { class: 'none' }, 'No sound was released.'),
    element('p', { id: 'player' }, button, element('span', { id: 'heard', role: 'status' }, ' Needs the access token. The audit says that somebody listened, and when.')),
    element('h3', {}, 'Transcript'),
    found.transcript.length ? element('ol', { class: 'said' }, found.transcript.map((segment) => element('li', {},
      element('span', { class: 'at' }, duration(segment.start_ms)), element('span', { class: 'who' }, `channel ${segment.channel}`), said(segment))))
      : element('p', { class: 'none' }, 'No text was released.'),
    found.permit ? element('div', {}, element('h3', {}, `Permit of the ${permits || found.training} training segments`), element('pre', {}, JSON.stringify(found.permit, null, 1))) : '',
    element('h3', {}, 'Audit'),
    table(`${other.length} entries; the ${silenced.length} silenced stretches follow below`, [['Action'], ['Reason'], ['At'], ['Channel', 'number'], ['Counts']],
      other.map((line) => element('tr', {}, cell(line.action), cell(line.reason), cell(time(line.time_ms)), cell(line.channel ?? '', 'number'),
        cell(Object.entries(line.counts || {}).map(([name, count]) => `${name} ${count}`).join(', ')))), 'The audit has no entry about this call.'),
    table('Silenced stretches', [['Why'], ['Channel', 'number'], ['From', 'number'], ['To', 'number']],
      silenced.map((line) => element('tr', {}, cell(line.reason), cell(line.channel, 'number'), cell(duration(line.start_ms), 'number'), cell(duration(line.end_ms), 'number'))), 'Nothing was silenced.'),
  ];
}

export function letters(list) {
  return [
    element('h2', {}, 'Dead letters'),
    table(`The newest ${list.length} records that could not be read. A dead letter says where the record lies and how large it is, never what it holds.`,
      [['Error'], ['Where'], ['What to do'], ['Topic'], ['Partition', 'number'], ['Offset', 'number'], ['Size', 'number'], ['At']],
      list.map((letter) => element('tr', {}, cell(letter.error), cell(letter.path), cell(letter.mend), cell(letter.source_topic), cell(letter.source_partition, 'number'),
        cell(letter.source_offset, 'number'), cell(bytes(letter.value_bytes), 'number'), cell(time(letter.timestamp_ms)))),
      'Every record could be read.'),
  ];
}

export function workers(now) {
  return [
    element('h2', {}, 'Workers'),
    table(now.workers.length === 1 ? '1 process' : `${now.workers.length} processes`, [['Worker'], ['State'], ['Version'], ['Partitions'], ['Calls', 'number'], ['In', 'number'], ['Out', 'number'], ['Backlog', 'number'], ['Behind the clock', 'number'], ['Policy topic'], ['Since']],
      now.workers.map((worker) => element('tr', {}, cell(worker.worker_id),
        cell(!worker.alive ? `silent for ${duration(worker.age_ms)}` : worker.ready ? 'ready' : worker.broker_connected ? 'not ready' : 'no broker', worker.alive && worker.ready ? 'good' : 'bad'),
        cell(worker.version), cell(worker.partitions.join(', ')), cell(number(worker.calls), 'number'), cell(`${number(worker.in_per_s)}/s`, 'number'), cell(`${number(worker.out_per_s)}/s`, 'number'),
        cell(number(Object.values(worker.lag).reduce((sum, n) => sum + n, 0)), 'number'),
        cell(duration(Math.max(0, ...Object.values(worker.stream_delay_ms))), 'number'),
        cell(worker.policies_fresh ? 'heard' : 'silent', worker.policies_fresh ? '' : 'bad'), cell(time(worker.started_ms)))),
      'No worker has reported. Check that a worker runs, that the topic deid.status exists, and that the dashboard’s Kafka user may read it.'),
  ];
}
